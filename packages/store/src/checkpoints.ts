import { type KeyObject, sign, verify } from "node:crypto";
import type { AuditHead } from "./audit.ts";
import { chainOf } from "./auditChain.ts";

/** The end of a chain at some time, signed, to be kept where nobody who can write the database can change it. */
export interface Checkpoint extends AuditHead {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Ed25519, base64url. */
  readonly signature: string;
}

/** @param key a private Ed25519 key */
export function makeCheckpoint({ tenant, seq, hash }: AuditHead, at: number, key: KeyObject): Checkpoint {
  const head = { tenant, seq, hash, at };
  return { ...head, signature: sign(null, signed(head), key).toString("base64url") };
}

/** True when the checkpoint was signed with the private key of `key` and not changed since. */
export function isGenuine(checkpoint: Checkpoint, key: KeyObject): boolean {
  return verify(null, signed(checkpoint), key, Buffer.from(checkpoint.signature, "base64url"));
}

const signed = ({ tenant, seq, hash, at }: Omit<Checkpoint, "signature">): Buffer =>
  Buffer.from(JSON.stringify(["portico audit checkpoint", chainOf(tenant), seq, hash, at]));
