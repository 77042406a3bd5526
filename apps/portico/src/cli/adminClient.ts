import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "./cliError.ts";

/** Where the Admin API is and who asks, as options and environment say. */
export interface Connection {
  /** Configuration of a portal on this machine: its listener, and its first key. */
  readonly config: string;
  readonly url?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** A problem as the Admin API tells it (RFC 9457). */
interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly remedy?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

/** An answer with its version, where it has one. */
export interface Answered<T> {
  readonly body: T;
  readonly etag: string | undefined;
}

/** Milliseconds that an answer may take. */
const patience = 30_000;

/** The Admin API as a caller sees it. */
export class AdminClient {
  readonly #base: string;
  readonly #key: string;

  private constructor(base: string, key: string) {
    this.#base = base;
    this.#key = key;
  }

  /** @throws CliError that says where a URL and a key may come from */
  static async of({ config, url, keyFile }: Connection, env: NodeJS.ProcessEnv = process.env): Promise<AdminClient> {
    const named = url ?? env["PORTICO_ADMIN_URL"];
    const secret = keyFile === undefined ? env["PORTICO_ADMIN_KEY"] : readKey(keyFile);
    if (named !== undefined && secret !== undefined) return new AdminClient(named, secret);
    // Most of what a command loads is for reading a configuration: who names URL and key waits for nothing of it.
    const { readConfig } = await import("../config/config.ts");
    const { admin, data } = readConfig(config);
    if (named === undefined && admin === undefined) {
      throw new CliError(
        "configuration",
        `${config} has no Admin API`,
        "Add admin: { address: 127.0.0.1, port: 8091 }.",
      );
    }
    const host = admin?.address.includes(":") ? `[${admin.address}]` : admin?.address;
    const base = named ?? `${admin?.tls === undefined ? "http" : "https"}://${host}:${admin?.port}`;
    return new AdminClient(base, secret ?? readKey(join(data, "admin.key")));
  }

  /** @throws CliError with the problem and its remedy */
  async ask<T>(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    { body, csv, ifMatch }: { body?: unknown; csv?: string; ifMatch?: string | undefined } = {},
  ): Promise<Answered<T>> {
    const sent = csv === undefined ? jsonOf(body) : { type: "text/csv", text: csv };
    const response = await this.#fetch(method, path, sent, ifMatch);
    const text = await response.text();
    if (!response.ok) throw refusal(response.status, text);
    const json = response.headers.get("content-type")?.includes("json") === true;
    return { body: (json ? JSON.parse(text) : text) as T, etag: response.headers.get("etag") ?? undefined };
  }

  /** All entries of a list, page by page. @param most entries at most */
  async all<T>(path: string, most = 1000): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const at = new URL(path, "http://portal");
      if (cursor !== undefined) at.searchParams.set("cursor", cursor);
      const { body } = await this.ask<{ items: T[]; nextCursor?: string }>("GET", `${at.pathname}${at.search}`);
      items.push(...body.items);
      cursor = body.nextCursor;
    } while (cursor !== undefined && items.length < most);
    return items.slice(0, most);
  }

  async #fetch(
    method: string,
    path: string,
    sent: { readonly type: string; readonly text: string } | undefined,
    ifMatch: string | undefined,
  ): Promise<Response> {
    try {
      return await fetch(`${this.#base}/admin/v1${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${this.#key}`,
          ...(sent === undefined ? {} : { "Content-Type": sent.type }),
          ...(ifMatch === undefined ? {} : { "If-Match": ifMatch }),
        },
        signal: AbortSignal.timeout(patience),
        ...(sent === undefined ? {} : { body: sent.text }),
      });
    } catch (error) {
      const { cause, message } = error as Error & { cause?: Error };
      throw new CliError(
        "unreachable",
        `the Admin API at ${this.#base} is not reached: ${cause?.message ?? message}`,
        "Start the portal, or name another place with --url or PORTICO_ADMIN_URL.",
      );
    }
  }
}

const jsonOf = (body: unknown): { type: string; text: string } | undefined =>
  body === undefined ? undefined : { type: "application/json", text: JSON.stringify(body) };

function readKey(file: string): string {
  if (!existsSync(file)) {
    throw new CliError(
      "refused",
      `there is no API key: ${file} does not exist`,
      "Name a file with --key-file, or put the key into PORTICO_ADMIN_KEY. The portal writes the first key at its first start.",
    );
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    throw new CliError("refused", `${file} cannot be read`, "Run the command as the user who owns it.");
  }
}

function refusal(status: number, text: string): CliError {
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // What is no problem document comes from something between us and the portal.
  }
  const { title = `the portal answers ${status}`, detail, remedy = "", errors = [] } = problem;
  const lines = errors.map(({ pointer, detail: what }) => `\n  ${pointer}: ${what}`);
  const kind = status === 401 || status === 403 ? "refused" : "failed";
  return new CliError(kind, `${detail === undefined ? title : `${title}: ${detail}`}${lines.join("")}`, remedy);
}
