import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fill } from "../../../kamailio/templates.ts";
import { startProcess, type FixtureProcess } from "../../../kamailio/process.ts";
import { eventually } from "../../../support/eventually.ts";
import { packageFile } from "../../../support/packages.ts";
import { freePort } from "../../../support/ports.ts";
import { memoryOf } from "../../memory.ts";
import { site } from "../access.ts";
import type { Edge, EdgeSurroundings } from "../edge.ts";
import type { Certificate } from "../edge.ts";
import type { W2 } from "../load/terminal.ts";

/** Debian packages of this peer. */
export const kamailioPackages: readonly string[] = [
  "kamailio",
  "kamailio-websocket-modules",
  "kamailio-outbound-modules",
  "kamailio-tls-modules",
];

/** Clock ticks a second in /proc (getconf CLK_TCK is 100 on every Linux). */
const microsecondsPerTick = 10_000;
const startWithin = 15_000;

/** Kamailio as a websocket edge; it has several processes, which are counted together. */
export class KamailioEdge implements Edge {
  readonly name: string;
  readonly mw: number;
  readonly #ws: number;
  readonly #wss: number;
  readonly #process: FixtureProcess;
  readonly #folder: string;

  private constructor(name: string, ports: readonly number[], process: FixtureProcess, folder: string) {
    [this.mw = 0, this.#ws = 0, this.#wss = 0] = ports;
    this.name = name;
    this.#process = process;
    this.#folder = folder;
  }

  static async open({ protocol, core }: EdgeSurroundings, certificate: Certificate): Promise<KamailioEdge> {
    const folder = mkdtempSync(join(tmpdir(), "portico-edge-"));
    const ports = [await freePort(), await freePort(), await freePort()];
    const [mw, ws, wss] = ports.map(String);
    const modules = dirname(packageFile("kamailio", "/modules/tm.so"));
    const values = {
      RUN: folder,
      MODULES: modules,
      CORE: `sip:127.0.0.1:${core};transport=${protocol.toLowerCase()}`,
      ORIGIN: site,
      MW: mw ?? "",
      WS: ws ?? "",
      WSS: wss ?? "",
    };
    const configuration = join(folder, "edge.cfg");
    writeFileSync(configuration, fill(readFileSync(join(import.meta.dirname, "edge.cfg"), "utf8"), values));
    writeFileSync(join(folder, "cert.pem"), certificate.cert);
    writeFileSync(join(folder, "key.pem"), certificate.key, { mode: 0o600 });
    writeFileSync(
      join(folder, "tls.cfg"),
      `[server:default]\nmethod = TLSv1.2+\ncertificate = ${folder}/cert.pem\nprivate_key = ${folder}/key.pem\n`,
    );
    mkdirSync(join(folder, "run"));
    // In the foreground, logging to standard error, with room for the sockets of the memory figures.
    const args = [
      "-f",
      configuration,
      "-DD",
      "-E",
      "-m",
      "2048",
      "-M",
      "16",
      "-Y",
      join(folder, "run"),
      "-A",
      "WITH_TLS",
    ];
    const program = packageFile("kamailio", "/sbin/kamailio");
    const started = startProcess(program, args, join(folder, "log"));
    const [, version = ""] = / (\d+\.\d+\.\d+) /.exec(execFileSync(program, ["-v"], { encoding: "utf8" })) ?? [];
    const edge = new KamailioEdge(`Kamailio ${version}, core by ${protocol}`, ports, started, folder);
    try {
      await eventually(() => !started.running || accepts(Number(ws)), Boolean, startWithin);
      if (!started.running) throw new Error("it ended");
    } catch (error) {
      const said = started.log();
      await edge.close();
      throw new Error(`Kamailio did not come up\n${said}`, { cause: error });
    }
    return edge;
  }

  w2(secure: boolean): W2 {
    return { port: secure ? this.#wss : this.#ws, secure };
  }

  async cpuDuring(work: () => Promise<void>): Promise<number> {
    const before = this.#ticks();
    await work();
    return (this.#ticks() - before) * microsecondsPerTick;
  }

  async memory(): Promise<number> {
    const held = this.#pids().map((pid) => memoryOf(pid));
    if (held.includes(undefined)) throw new Error("to count Kamailio's memory takes Linux 5.9 or later");
    return held.reduce<number>((sum, octets = 0) => sum + octets, 0);
  }

  async close(): Promise<void> {
    await this.#process.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The main process and its children: all are there once it listens. */
  #pids(): string[] {
    const main = String(this.#process.pid);
    return readdirSync("/proc").filter((pid) => pid === main || (/^\d+$/.test(pid) && fields(pid)[1] === main));
  }

  #ticks(): number {
    let sum = 0;
    for (const pid of this.#pids()) {
      const [, , , , , , , , , , , user, system] = fields(pid);
      sum += Number(user) + Number(system);
    }
    return sum;
  }
}

/** proc(5), /proc/PID/stat: what follows the command's name, from the state on. */
function fields(pid: string): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    // It has just ended.
    return [];
  }
}

async function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1", () => resolve(true)).once("error", () => resolve(false));
  const open = await promise;
  socket.destroy();
  return open;
}
