import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { type AuditEvent, type Checkpoint, makeCheckpoint, type Store } from "../src/index.ts";

const keys = generateKeyPairSync("ed25519");
export const publicKey: KeyObject = keys.publicKey;
export const auditEvent = (n: number, o: Partial<AuditEvent> = {}): AuditEvent => ({
  tenant: "acme",
  at: n,
  actor: "key:1",
  action: n % 2 === 0 ? "assignment.end" : "assignment.begin",
  subject: `sip:u${n % 5}@acme.ims.test`,
  person: `https://idp.acme.test user${n % 3}`,
  detail: { n, ключ: ["ü", { deep: null }] },
  ...o,
});

export async function fill(store: Store, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 1) await store.audit.append(auditEvent(n));
}

export async function checkpoints(store: Store): Promise<Checkpoint[]> {
  return (await store.audit.heads()).map((head) => makeCheckpoint(head, 99, keys.privateKey));
}
