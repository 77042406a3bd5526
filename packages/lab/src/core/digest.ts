import { createHash, timingSafeEqual } from "node:crypto";
import type { Random } from "@portico/sip";
import type { AuthenticationVector } from "./aka.ts";

/** Parameters of an Authorization: Digest, unquoted. */
export type DigestParameters = ReadonlyMap<string, string | undefined>;

/** SIP Digest (RFC 3261 §22), and IMS AKA by HTTP Digest inside TLS (TS 33.203 §X.2). */
type DigestAlgorithm = "MD5" | "AKAv2-SHA-256";

const hashes: Readonly<Record<DigestAlgorithm, string>> = { MD5: "md5", "AKAv2-SHA-256": "sha256" };
const nonceLife = 300_000;

interface Nonce {
  readonly until: number;
  /** The last count it was used with; one of AKA is used once (RFC 3310 §3.2). */
  count: number;
  /** That of the vector. */
  readonly password?: string;
}

/** The response of RFC 7616 §3.4.1 with qop=auth, hexadecimal. @param p what stands in Authorization */
function digestResponse(algorithm: DigestAlgorithm, p: DigestParameters, method: string, password: string): string {
  const hash = (text: string): string => createHash(hashes[algorithm]).update(text, "latin1").digest("hex");
  const identity = hash(`${p.get("username")}:${p.get("realm")}:${password}`);
  const request = hash(`${method}:${p.get("uri")}`);
  return hash(`${identity}:${p.get("nonce")}:${p.get("nc")}:${p.get("cnonce")}:auth:${request}`);
}

/** Digest challenges of the S-CSCF for registrations that no trusted node vouches for (TS 24.229 §5.4.1.2), with qop=auth. */
export class DigestChallenger {
  readonly #realm: string;
  readonly #random: Random;
  readonly #nonces = new Map<string, Nonce>();

  constructor(realm: string, random: Random) {
    this.#realm = realm;
    this.#random = random;
  }

  /** The value of WWW-Authenticate, with a fresh nonce. */
  challenge(stale: boolean): string {
    const nonce = this.#random.token(32);
    return this.#offer("MD5", nonce, { count: 0 }) + (stale ? ", stale=true" : "");
  }

  /** The same by AKA; the session keys are for the edge (TS 24.229 §5.4.1.2.1). */
  challengeAka({ nonce, password, ck, ik }: AuthenticationVector): string {
    return `${this.#offer("AKAv2-SHA-256", nonce, { count: 0, password })}, ik="${ik}", ck="${ck}"`;
  }

  /**
   * "stale": right or wrong, the nonce is not a live one of ours or was used with this count before.
   * @param password undefined: that of the vector
   */
  verify(p: DigestParameters, method: string, password?: string): "right" | "wrong" | "stale" {
    const nonce = this.#nonces.get(p.get("nonce") ?? "");
    const count = Number.parseInt(p.get("nc") ?? "", 16);
    if (nonce === undefined || nonce.until < performance.now()) return "stale";
    if (p.get("qop") !== "auth" || Number.isNaN(count)) return "wrong";
    if (count <= nonce.count) return "stale";
    const secret = password ?? nonce.password;
    if (secret === undefined) return "wrong";
    const algorithm = password === undefined ? "AKAv2-SHA-256" : "MD5";
    const wanted = digestResponse(algorithm, new Map(p).set("realm", this.#realm), method, secret);
    const given = Buffer.from((p.get("response") ?? "").toLowerCase(), "latin1");
    const right = given.length === wanted.length && timingSafeEqual(given, Buffer.from(wanted, "latin1"));
    if (nonce.password !== undefined) this.#nonces.delete(p.get("nonce") ?? "");
    else if (right) nonce.count = count;
    return right ? "right" : "wrong";
  }

  #offer(algorithm: DigestAlgorithm, nonce: string, state: Omit<Nonce, "until">): string {
    const now = performance.now();
    for (const [old, { until }] of this.#nonces) if (until < now) this.#nonces.delete(old);
    this.#nonces.set(nonce, { until: now + nonceLife, ...state });
    return `Digest realm="${this.#realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"`;
  }
}
