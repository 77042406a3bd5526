import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, readdirSync, readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const programs = ["/usr/bin/valkey-server", "/usr/bin/redis-server"];
const program = programs.find((path) => existsSync(path));

/** Why no server can be started here; undefined when one can. With `CI=true` that is an error instead. */
export const noValkey: string | undefined = whyNot();

function whyNot(): string | undefined {
  const missing = program === undefined ? "no Valkey or Redis; on Debian: apt-get install redis-server" : undefined;
  if (missing !== undefined && process.env["CI"] === "true") throw new Error(missing);
  return missing;
}

/** A server of the test's own, on a socket in a temporary folder. What it holds survives a kill unless `forgetful`. */
export class ValkeyServer {
  readonly #folder = mkdtempSync(join(tmpdir(), "portico-valkey-"));
  #process: ChildProcess | undefined;

  static async start(): Promise<ValkeyServer> {
    const server = new ValkeyServer();
    await server.run();
    return server;
  }

  get url(): string {
    return join(this.#folder, "socket");
  }

  async run(): Promise<void> {
    const settings = [
      "--port",
      "0",
      "--unixsocket",
      this.url,
      "--dir",
      this.#folder,
      "--appendonly",
      "yes",
      "--appendfsync",
      "always",
      "--save",
      "",
    ];
    // Ends with this process, however that ends.
    this.#process = spawn("/usr/bin/setpriv", ["--pdeathsig=KILL", program ?? "", ...settings], { stdio: "ignore" });
    while (!(await this.#answers())) {
      if (this.#process.exitCode !== null) throw new Error("the server ended by itself");
      await wait(10);
    }
  }

  /** All that was ever written to it, as it lies on disk. */
  get written(): string {
    const folder = join(this.#folder, "appendonlydir");
    return readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), "latin1"))
      .join("");
  }

  /** @param forget what it held is gone as well */
  async kill(forget = false): Promise<void> {
    const server = this.#process;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill("SIGKILL");
    await ended;
    rmSync(this.url, { force: true });
    if (forget) rmSync(join(this.#folder, "appendonlydir"), { recursive: true });
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    const socket = createConnection(this.url);
    try {
      await once(socket, "connect");
      socket.write("PING\r\n");
      const [answer] = (await once(socket, "data")) as [Buffer];
      return answer.toString() === "+PONG\r\n";
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  }
}
