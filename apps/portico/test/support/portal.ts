import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Log } from "@portico/epcscf";
import { onTestFinished } from "vitest";
import { parseConfig, startPortal, type Portal } from "../../src/index.ts";
import { good } from "../goodConfig.ts";
import { newFolder } from "./command.ts";

/** A log that keeps what it was told. */
export class KeptLog implements Log {
  readonly lines: string[] = [];
  readonly info = (event: string, facts = {}): void => this.#keep(event, facts);
  readonly warn = (event: string, facts = {}): void => this.#keep(event, facts);
  readonly alarm = (event: string, facts = {}): void => this.#keep(`alarm:${event}`, facts);

  #keep(event: string, facts: object): void {
    this.lines.push(`${event} ${JSON.stringify(facts)}`);
  }
}

/** A portal of the good configuration, changed line by line, on free ports; closed after the test. */
export async function newPortal(
  change: Readonly<Record<string, string>> = {},
  log: Log = new KeptLog(),
): Promise<Portal & { folder: string }> {
  const folder = newFolder();
  let source = good.replace("https://portal.example", "http://127.0.0.1:0");
  for (const [from, to] of Object.entries(change)) source = source.replace(from, () => to);
  const portal = await startPortal(parseConfig(source, join(folder, "portal.yaml")), log);
  onTestFinished(() => portal.close());
  return { ...portal, folder };
}

/** Writes a certificate for 127.0.0.1 that signs itself, and its key. @param days it is good for */
export function writeCertificate(folder: string, name: string, days = 30): { cert: string; key: string } {
  const files = { cert: join(folder, "tls.pem"), key: join(folder, "tls.key") };
  const made = spawnSync(
    process.env["OPENSSL"] ?? "openssl",
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days ${days} -subj /CN=${name}
     -addext subjectAltName=IP:127.0.0.1 -keyout ${files.key} -out ${files.cert}`.split(/\s+/),
  );
  if (made.status !== 0) throw new Error(made.stderr.toString());
  return files;
}
