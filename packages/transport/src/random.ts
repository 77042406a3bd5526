import { randomFillSync } from "node:crypto";
import type { Random } from "@portico/sip";

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
const pool = new Uint8Array(1024);
let used = pool.length;

function token(length: number): string {
  let text = "";
  while (text.length < length) {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const octet = pool[used] ?? 255;
    used += 1;
    // 252 is the largest multiple of 36 in an octet: refusing the rest keeps every character equally likely
    if (octet < 252) text += alphabet.charAt(octet % 36);
  }
  return text;
}

/** Tags, branches and Call-IDs from the operating system's random source (RFC 3261 §19.3: cryptographically random). */
export const systemRandom: Random = { token };
