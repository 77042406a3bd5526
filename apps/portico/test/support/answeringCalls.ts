import { openStore } from "@portico/store";
import { CallRecords } from "../../src/callRecords.ts";

// Answers calls until it is killed, and says which: `answeringCalls.ts FILE RUN`.
const [file = "", run = ""] = process.argv.slice(2);
const quiet = { info: () => undefined, warn: () => undefined, alarm: () => undefined };
const records = new CallRecords(await openStore({ sqlite: file }), quiet, Date.now);
await records.begin("192.0.2.1:5060", Date.now());
for (let n = 0; ; n += 1) {
  const since = Date.now();
  const session = {
    id: `${run}-${n}`,
    registration: "r",
    impu: "sip:u0001@acme.ims.test",
    tenant: "acme",
    clientId: "talk.acme.test",
    direction: "outgoing",
    remote: "tel:+12025550110",
    icid: `icid-${n}`,
    state: "answered",
    since,
    answeredAt: since,
  } as const;
  await records.report({ type: "answered", session, impi: "u0001.acme@ims.test" });
  process.stdout.write(`${session.id}\n`);
}
