import { generateKeyPairSync } from "node:crypto";
import { backup, mustExist, openStore, restore, verifyAudit } from "@portico/store";
import { readConfig } from "../../config/config.ts";
import { databaseOf } from "../../database.ts";
import { tellVerdict } from "../auditVerdict.ts";
import { readCheckpoints } from "../checkpointFile.ts";
import type { Output } from "../output.ts";

/** `portico backup`. @throws ConfigError, StoreError */
export async function backUp(to: string, file: string, output: Output): Promise<void> {
  const rows = await busy(output, "backing up", () => backup(databaseOf(readConfig(file)), to));
  told(output, { file: to, rows }, `${rows} rows are in ${to}; the keys in the data folder are not: copy them as well`);
}

/** `portico restore`. @throws ConfigError, StoreError when the database is not empty, or the file no backup */
export async function restoreFrom(from: string, file: string, output: Output): Promise<void> {
  const rows = await busy(output, "restoring", () => restore(from, databaseOf(readConfig(file))));
  told(output, { file: from, rows }, `${rows} rows are restored`);
}

/**
 * `portico verify-audit`: without a running portal.
 * @param kept file of checkpoints; with it, an end that was cut off or written anew is found as well
 * @throws ConfigError, StoreError, CliError with each fault
 */
export async function verifyStoredAudit(file: string, kept: string | undefined, output: Output): Promise<void> {
  const config = readConfig(file);
  // Without checkpoints a key has nothing to verify. With them comes theirs: out of reach of who can write the database.
  const { checkpoints, publicKey } =
    kept === undefined ? { checkpoints: [], ...generateKeyPairSync("ed25519") } : readCheckpoints(kept);
  const target = databaseOf(config);
  mustExist(target);
  const store = await openStore(target);
  try {
    const verdict = await busy(output, "verifying", () => verifyAudit(store, checkpoints, publicKey));
    tellVerdict(verdict, checkpoints.length, output);
  } finally {
    await store.close();
  }
}

async function busy<T>(output: Output, what: string, work: () => Promise<T>): Promise<T> {
  if (!output.interactive) return await work();
  const spinner = (await import("@clack/prompts")).spinner();
  spinner.start(what);
  try {
    return await work();
  } finally {
    spinner.clear();
  }
}

function told({ json, print, style }: Output, facts: object, text: string): void {
  print(json ? JSON.stringify(facts, null, 2) : `${style("green", "ok")} ${text}`);
}
