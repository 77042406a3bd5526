import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWK } from "jose";
import { Subject } from "../subject.ts";
import type { Certificate, Edge, EdgeSurroundings } from "./edge.ts";
import type { W2 } from "./load/terminal.ts";
import type { EdgeCommands, Ports } from "./process.ts";

/** The eP-CSCF in a process of its own. */
export class PorticoEdge implements Edge {
  readonly name = "Portico";
  readonly #subject: Subject<EdgeCommands>;
  readonly #ports: Ports;
  readonly #folder: string;

  private constructor(subject: Subject<EdgeCommands>, ports: Ports, folder: string) {
    this.#subject = subject;
    this.#folder = folder;
    this.#ports = ports;
  }

  /** @param jwk the key access tokens are signed with. */
  static async open({ protocol, core }: EdgeSurroundings, certificate: Certificate, jwk: JWK): Promise<PorticoEdge> {
    const folder = mkdtempSync(join(tmpdir(), "portico-edge-"));
    const log = openSync(join(folder, "log"), "w");
    const subject = await Subject.start<EdgeCommands>(new URL("process.ts", import.meta.url), [], log);
    closeSync(log);
    const entryPoint = `sip:127.0.0.1:${core};transport=${protocol.toLowerCase()}`;
    return new PorticoEdge(subject, await subject.ask("open", { entryPoint, protocol, jwk, certificate }), folder);
  }

  get mw(): number {
    return this.#ports.mw;
  }

  w2(secure: boolean): W2 {
    return { port: secure ? this.#ports.wss : this.#ports.ws, secure };
  }

  cpuDuring(work: () => Promise<void>): Promise<number> {
    return this.#subject.cpuDuring(work);
  }

  memory(): Promise<number> {
    return this.#subject.memory();
  }

  async close(): Promise<void> {
    await this.#subject.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
