import { CliError, Ended, exitCodes } from "./cliError.ts";
import type { Output } from "./output.ts";

/** What a verification has found, from the Admin API or from the database itself. */
export interface Verdict {
  readonly chains: number;
  readonly records: number;
  readonly faults: readonly { readonly tenant?: string | undefined; readonly seq: number; readonly what: string }[];
}

/** Fault of the file of checkpoints, not of the audit. */
const ofTheFile = "signature";

const meanings: Readonly<Record<string, string>> = {
  missing: "the record is gone",
  changed: "the record is not the one that was written",
  person: "it names another person than the one it was written for",
  truncated: "it is gone, with all that came after it",
  replaced: "a checkpoint has seen another one here: what follows was written anew",
  signature: "the checkpoint is not signed with this audit's key, or was changed",
};

/**
 * Tells it, and how to go on.
 * @param checkpoints how many the audit was compared with
 * @throws CliError, Ended with 1 when anything is wrong
 */
export function tellVerdict({ chains, records, faults }: Verdict, checkpoints: number, output: Output): void {
  const { json, print, style } = output;
  if (json) print(JSON.stringify({ valid: faults.length === 0, chains, records, checkpoints, faults }, null, 2));
  if (faults.length === 0) {
    const agree = checkpoints === 0 ? "" : `, and agree with ${checkpoints} checkpoints`;
    if (!json) print(`${style("green", "ok")} ${records} records in ${chains} chains are as they were written${agree}`);
    return;
  }
  // One document for programs.
  if (json) throw new Ended(exitCodes.failed);
  const lines = faults.map(
    ({ tenant = "the portal", seq, what }) =>
      `\n  ${tenant}, record ${seq}: ${what}, ${meanings[what] ?? "a new fault"}`,
  );
  if (faults.every(({ what }) => what === ofTheFile)) {
    throw new CliError(
      "failed",
      `the checkpoints are not this portal's${lines.join("")}`,
      "Name the file that portico audit checkpoints has printed for this portal, as it was printed. Of these chains nothing else was looked at.",
    );
  }
  throw new CliError(
    "failed",
    `the audit is not as it was written${lines.join("")}`,
    "Keep the database as it is, restore a backup from before beside it, and compare the two from these records on.",
  );
}
