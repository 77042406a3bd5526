import { randomFillSync } from "node:crypto";
import type { Random } from "@portico/sip";

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
/** Octets drawn at once: a call to the system's source costs as much as hundreds of them. */
const drawn = 4096;
let pool = "";
let used = 0;

function draw(): string {
  const octets = Buffer.allocUnsafeSlow(drawn);
  randomFillSync(octets);
  let count = 0;
  // 252 is the largest multiple of 36 in an octet: refusing the rest keeps every character equally likely
  for (const octet of octets) if (octet < 252) octets[count++] = alphabet.charCodeAt(octet % 36);
  return octets.toString("latin1", 0, count);
}

function token(length: number): string {
  if (used + length > pool.length) {
    pool = "";
    used = 0;
    while (pool.length < length) pool += draw();
  }
  used += length;
  return pool.slice(used - length, used);
}

/** Tags, branches and Call-IDs from the operating system's random source (RFC 3261 §19.3: cryptographically random). */
export const systemRandom: Random = { token };
