import { createHash, timingSafeEqual } from "node:crypto";
import type { Random } from "@portico/sip";

/** Parameters of an Authorization: Digest, unquoted. */
export type DigestParameters = ReadonlyMap<string, string | undefined>;

const nonceLife = 300_000;

function md5(text: string): string {
  return createHash("md5").update(text, "latin1").digest("hex");
}

/**
 * Digest challenges of the S-CSCF for registrations that no trusted node vouches for: MD5 with qop=auth, the SIP Digest
 * of TS 24.229 §5.4.1.2.
 */
export class DigestChallenger {
  readonly #realm: string;
  readonly #random: Random;
  readonly #nonces = new Map<string, { until: number; count: number }>();

  constructor(realm: string, random: Random) {
    this.#realm = realm;
    this.#random = random;
  }

  /** The value of WWW-Authenticate, with a fresh nonce. */
  challenge(stale: boolean): string {
    const now = performance.now();
    for (const [nonce, { until }] of this.#nonces) if (until < now) this.#nonces.delete(nonce);
    const nonce = this.#random.token(32);
    this.#nonces.set(nonce, { until: now + nonceLife, count: 0 });
    return `Digest realm="${this.#realm}", nonce="${nonce}", algorithm=MD5, qop="auth"${stale ? ", stale=true" : ""}`;
  }

  /** "stale": right or wrong, the nonce is not a live one of ours or was used with this count before. */
  verify(p: DigestParameters, method: string, password: string): "right" | "wrong" | "stale" {
    const nonce = this.#nonces.get(p.get("nonce") ?? "");
    const count = Number.parseInt(p.get("nc") ?? "", 16);
    if (nonce === undefined || nonce.until < performance.now()) return "stale";
    if (p.get("qop") !== "auth" || Number.isNaN(count)) return "wrong";
    if (count <= nonce.count) return "stale";
    const identity = md5(`${p.get("username")}:${this.#realm}:${password}`);
    const request = md5(`${method}:${p.get("uri")}`);
    const wanted = md5(`${identity}:${p.get("nonce")}:${p.get("nc")}:${p.get("cnonce")}:auth:${request}`);
    const given = Buffer.from((p.get("response") ?? "").toLowerCase(), "latin1");
    const right = given.length === wanted.length && timingSafeEqual(given, Buffer.from(wanted, "latin1"));
    if (right) nonce.count = count;
    return right ? "right" : "wrong";
  }
}
