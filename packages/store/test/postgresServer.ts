import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";

const releases = "/usr/lib/postgresql";

/** Why no server can be started here; undefined when one can. With `CI=true` that is an error instead. */
export const noPostgres: string | undefined = whyNot();

function whyNot(): string | undefined {
  const missing =
    process.platform === "linux" && existsSync(releases)
      ? undefined
      : "no PostgreSQL; on Debian: apt-get install postgresql";
  if (missing !== undefined && process.env["CI"] === "true") throw new Error(missing);
  return missing;
}

/** A PostgreSQL server of the test's own: in a temporary folder, on a socket in it, as an unprivileged user. */
export class PostgresServer {
  readonly #folder: string;
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;
  #schemas = 0;

  private constructor(folder: string, settings: readonly string[]) {
    this.#folder = folder;
    this.#settings = settings;
  }

  /** @param durable false: quicker, and not to be killed */
  static async start(durable = true): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), "portico-postgres-"));
    chmodSync(folder, 0o711);
    const server = new PostgresServer(folder, durable ? [] : ["-c", "fsync=off"]);
    if (process.getuid?.() === 0) spawnSync("chown", ["postgres", folder]);
    const { status, stderr } = spawnSync(
      ...server.#command("initdb", ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]),
      {
        encoding: "utf8",
      },
    );
    if (status !== 0) throw new Error(`initdb: ${stderr}`);
    await server.run();
    return server;
  }

  /** Where its socket is. */
  get folder(): string {
    return this.#folder;
  }

  get url(): string {
    return `postgresql://postgres@/postgres?host=${this.#folder}`;
  }

  /** A schema that no other test has. */
  newSchema(): string {
    return `test_${(this.#schemas += 1)}`;
  }

  /** Starts the server, anew if it was stopped, and waits until it answers. */
  async run(): Promise<void> {
    const options = [
      "-c",
      "listen_addresses=",
      "-c",
      `unix_socket_directories=${this.#folder}`,
      "-c",
      "max_connections=200",
    ];
    const start = (): { process: ChildProcess; log: () => string } => {
      const process = spawn(...this.#command("postgres", [...options, ...this.#settings]), {
        stdio: ["ignore", "ignore", "pipe"],
      });
      let log = "";
      process.stderr.on("data", (bytes: Buffer) => (log = (log + bytes.toString()).slice(-4000)));
      return { process, log: () => log };
    };
    let attempt = start();
    for (;;) {
      const client = new pg.Client(this.url);
      client.on("error", () => undefined);
      try {
        await client.connect();
        await client.end();
        this.#process = attempt.process;
        return;
      } catch {
        if (attempt.process.exitCode !== null) {
          // After a kill the server's former children hold its memory until they notice.
          if (!/shared memory|lock file/.test(attempt.log())) throw new Error(`postgres ended: ${attempt.log()}`);
          attempt = start();
        }
      }
      await wait(20);
    }
  }

  /** Runs one statement beside the store. */
  async query<R extends pg.QueryResultRow>(sql: string): Promise<R[]> {
    const client = new pg.Client(this.url);
    await client.connect();
    try {
      return (await client.query<R>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** Ends the server: at once and without a last word, or with open connections cut (`SIGINT`). */
  async kill(signal: "SIGKILL" | "SIGINT"): Promise<void> {
    const server = this.#process;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill(signal);
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill("SIGINT");
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** As user `postgres` when this is root, whom PostgreSQL refuses; ends with this process in any case. */
  #command(program: "initdb" | "postgres", args: readonly string[]): [string, string[]] {
    const [release = ""] = readdirSync(releases).toSorted((a, b) => Number(b) - Number(a));
    const user = process.getuid?.() === 0 ? ["--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];
    const full = [
      ...user,
      "--pdeathsig=QUIT",
      join(releases, release, "bin", program),
      "-D",
      join(this.#folder, "data"),
    ];
    return ["/usr/bin/setpriv", [...full, ...args]];
  }
}
