import { TransportError } from "@portico/transport";
import type { SocketAddress } from "@portico/transport";
import { readConfiguration } from "./configuration.ts";
import { LabError } from "./errors.ts";
import { startLab } from "./lab.ts";
import type { Lab } from "./lab.ts";
import type { TelephoneCall } from "./telephones/call.ts";

function at({ address, port }: SocketAddress): string {
  return `${address}:${port}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function nameOf({ number }: TelephoneCall): string {
  return `telephone ${number}: `;
}

/** The telephones' side of each call, so that somebody who tries the demo sees what they do. */
function report(lab: Lab): void {
  lab.telephones.onCall((call) => {
    say(`${nameOf(call)}${call.direction === "in" ? "is called" : "calls"}`);
    void call.connected.then((answered) => answered && say(`${nameOf(call)}connected`));
    void call.ended.then(({ by, status }) => say(`${nameOf(call)}ended (${status ?? by})`));
  });
  lab.telephones.onKey((call, key) => say(`${nameOf(call)}key ${key}`));
  lab.onViolation((text) => say(`violation: ${text}`));
}

async function main(path: string | undefined): Promise<void> {
  if (path === undefined) throw new LabError("lab/configuration", "usage: main.ts CONFIGURATION.json");
  const lab = await startLab(await readConfiguration(path));
  const stop = (): void => void lab.close();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  report(lab);
  say(
    `lab ready home=${lab.homeDomain} icscf=${at(lab.icscf)} scscf=${at(lab.scscf)} telephones=${at(lab.telephonesAt)}`,
  );
}

try {
  await main(process.argv[2]);
} catch (error) {
  if (!(error instanceof LabError || error instanceof TransportError)) throw error;
  process.stderr.write(`lab: ${error.message}. ${error.remedy}.\n`);
  process.exitCode = 1;
}
