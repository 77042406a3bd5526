import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { milenage, xor, type SubscriberKey } from "./milenage.ts";

/** What the HSS gives an S-CSCF to challenge a user with (TS 33.203 §6.1). */
export interface AuthenticationVector {
  /** RAND and AUTN in base64, as RFC 3310 §3.2 has it. */
  readonly nonce: string;
  /** What the user can compute as well, and nobody else. */
  readonly password: string;
  readonly ck: string;
  readonly ik: string;
}

/** What a USIM says to a challenge: the password, or the sequence number that it wants to be told the successor of. */
export type UsimAnswer = { readonly password: string } | { readonly auts: string };

/** Nothing is asked of the USIM by it; in AUTS it is always that (TS 33.102 §6.3.3). */
const amf = Buffer.alloc(2);

/** RFC 4169 §3, with the hash of SHA-256: the password of HTTP Digest AKAv2. */
function akav2Password(res: Buffer, ik: Buffer, ck: Buffer): string {
  return createHmac("sha256", Buffer.concat([res, ik, ck]))
    .update("http-digest-akav2-password")
    .digest("base64");
}

/** The authentication centre's knowledge of one subscriber. */
export class AuthenticationCentre {
  readonly #key: SubscriberKey;
  #sqn = 0;

  constructor(key: SubscriberKey) {
    this.#key = key;
  }

  /** The next one. @param rand default: chance */
  vector(rand: Buffer = randomBytes(16)): AuthenticationVector {
    this.#sqn += 1;
    const sqn = octetsOf(this.#sqn);
    const { res, ck, ik, ak, mac } = milenage(this.#key, rand);
    return {
      nonce: Buffer.concat([rand, xor(sqn, ak), amf, mac(sqn, amf).network]).toString("base64"),
      password: akav2Password(res, ik, ck),
      ck: ck.toString("hex"),
      ik: ik.toString("hex"),
    };
  }

  /** Goes on after the USIM's sequence number (TS 33.102 §6.3.5). @returns false for an AUTS that is not the subscriber's */
  resynchronise(nonce: string, auts: string): boolean {
    const rand = Buffer.from(nonce, "base64").subarray(0, 16);
    const said = Buffer.from(auts, "base64");
    if (rand.length < 16 || said.length !== 14) return false;
    const { akResync, mac } = milenage(this.#key, rand);
    const sqn = xor(said.subarray(0, 6), akResync);
    if (!timingSafeEqual(mac(sqn, amf).resync, said.subarray(6))) return false;
    this.#sqn = sqn.readUIntBE(0, 6);
    return true;
  }
}

/** A subscriber's USIM. */
export class Usim {
  readonly #key: SubscriberKey;
  #sqn: number;

  /** @param sqn the highest sequence number that it has seen */
  constructor(key: SubscriberKey, sqn = 0) {
    this.#key = key;
    this.#sqn = sqn;
  }

  /** @throws Error for a challenge that is not of her network */
  answer(nonce: string): UsimAnswer {
    const octets = Buffer.from(nonce, "base64");
    const [rand, autn] = [octets.subarray(0, 16), octets.subarray(16, 32)];
    const { res, ck, ik, ak, akResync, mac } = milenage(this.#key, rand);
    const sqn = xor(autn.subarray(0, 6), ak);
    if (!mac(sqn, autn.subarray(6, 8)).network.equals(autn.subarray(8))) throw new Error("MAC failure");
    const number = sqn.readUIntBE(0, 6);
    if (number <= this.#sqn) {
      const known = octetsOf(this.#sqn);
      return { auts: Buffer.concat([xor(known, akResync), mac(known, amf).resync]).toString("base64") };
    }
    this.#sqn = number;
    return { password: akav2Password(res, ik, ck) };
  }
}

function octetsOf(sqn: number): Buffer {
  const octets = Buffer.alloc(6);
  octets.writeUIntBE(sqn, 0, 6);
  return octets;
}
