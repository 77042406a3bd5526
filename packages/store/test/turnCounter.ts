import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PostgresServer } from "./postgresServer.ts";

/** Turns of the event loop after which a client of this process has said all that it has to say without an answer. */
const silence = 20;

/**
 * Stands between clients of this process and a PostgreSQL server, and counts how often they wait for answers: it lets
 * the server's through only when the client has gone silent.
 */
export class TurnCounter {
  readonly #folder = mkdtempSync(join(tmpdir(), "portico-turns-"));
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Times that a client said something after it was answered. */
  turns = 0;

  private constructor(target: string) {
    this.#server = createServer((near) => {
      const far = connect(target);
      let answered = true;
      let quiet = 0;
      let held: Buffer[] = [];
      const wait = (): void => {
        if (held.length === 0) return;
        quiet += 1;
        if (quiet < silence) return void setImmediate(wait);
        near.write(Buffer.concat(held));
        held = [];
        answered = true;
      };
      near.on("data", (octets: Buffer) => {
        if (answered) this.turns += 1;
        answered = false;
        quiet = 0;
        far.write(octets);
      });
      far.on("data", (octets: Buffer) => {
        held.push(octets);
        if (held.length > 1) return;
        quiet = 0;
        setImmediate(wait);
      });
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => other.destroy());
      }
    });
  }

  static async before(server: PostgresServer): Promise<TurnCounter> {
    const counter = new TurnCounter(join(server.folder, ".s.PGSQL.5432"));
    counter.#server.listen(join(counter.#folder, ".s.PGSQL.5432"));
    await once(counter.#server, "listening");
    return counter;
  }

  get url(): string {
    return `postgresql://postgres@/postgres?host=${this.#folder}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
