import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import {
  calculateJwkThumbprint,
  compactVerify,
  createLocalJWKSet,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  type JWTPayload,
  type JWTVerifyGetKey,
  SignJWT,
} from "jose";
import { WafError } from "../errors.ts";
import type { Now } from "../ports.ts";

const algorithm = "ES256";

/** A key of the file: a private JWK, and from when it signs, milliseconds since the epoch. */
interface StoredKey extends JWK {
  /** Absent in files of an older release: since ever, so that a next one is made soon. */
  readonly signs_from?: number;
}

interface SigningKeysOptions {
  /** JWK Set with private keys, made with mode 0600 when absent; undefined: keys of this process only. */
  readonly file: string | undefined;
  readonly now: Now;
  /** How long a new key is published before it signs: verifiers keep the JWK Set for so long. Seconds. */
  readonly leadSeconds: number;
  /** How long a key verifies after its successor has begun to sign: the longest life of a token and the skew. Seconds. */
  readonly overlapSeconds: number;
  /** How long a key signs before the next is made by itself, seconds. */
  readonly rotationSeconds: number;
}

/**
 * The WAF's own keys. A new one is published first and signs later; an old one is published until the last token it
 * signed has ended.
 *
 *     key: made --lead over--> signs --successor signs--> verifies only --overlap over--> forgotten
 */
export class SigningKeys {
  readonly #o: SigningKeysOptions;
  /** By the time they begin to sign, the latest first. */
  #keys: readonly StoredKey[];
  readonly #signers = new Map<string, CryptoKey>();
  #local: JWTVerifyGetKey;
  /** Of the file as it was read, to see when another process has written it. */
  #stamp = 0;

  private constructor(o: SigningKeysOptions, keys: readonly StoredKey[]) {
    this.#o = o;
    this.#keys = keys;
    this.#local = createLocalJWKSet(this.jwks);
  }

  /** @throws WafError `key_file` */
  static async open(o: SigningKeysOptions): Promise<SigningKeys> {
    const { file } = o;
    const exists = file !== undefined && existsSync(file);
    const keys = exists ? read(file) : [await newKey(o.now())];
    if (file !== undefined && !exists) write(file, keys);
    for (const key of keys) await signer(file, key);
    const opened = new SigningKeys(o, keys.toSorted(latestFirst));
    opened.#stamp = stampOf(file);
    return opened;
  }

  /** Public keys (RFC 7517), those that are to sign soon among them. */
  get jwks(): JSONWebKeySet {
    return { keys: this.#keys.map(({ kty, crv, x, y, kid, alg, use }) => ({ kty, crv, x, y, kid, alg, use }) as JWK) };
  }

  /** Finds the key of a token, for `jwtVerify`. */
  readonly find: JWTVerifyGetKey = (header, token) => this.#local(header, token);

  /** Signs with the key whose time it is. */
  async sign(claims: JWTPayload, type: string): Promise<string> {
    const key = this.#current();
    const kid = key.kid ?? "";
    const secret = this.#signers.get(kid) ?? (await signer(this.#o.file, key));
    this.#signers.set(kid, secret);
    return await new SignJWT(claims).setProtectedHeader({ alg: algorithm, typ: type, kid }).sign(secret);
  }

  /** The claims of an access token of ours, expired or not; undefined for any other text. */
  async claimsOf(token: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await compactVerify(token, this.find, { algorithms: [algorithm] });
      return JSON.parse(new TextDecoder().decode(payload)) as JWTPayload;
    } catch {
      return undefined;
    }
  }

  /**
   * Makes the next key. It is published at once.
   * @param leadSeconds after which it signs; 0 when the present key is no longer trusted
   */
  async rotate(leadSeconds: number = this.#o.leadSeconds): Promise<void> {
    this.#use([await newKey(this.#o.now() + leadSeconds * 1000), ...this.#keys]);
  }

  /** Makes the next key when it is time, forgets those whose tokens have ended, and reads what another process wrote. */
  async turn(): Promise<void> {
    const { file, now, leadSeconds, rotationSeconds } = this.#o;
    const stamp = stampOf(file);
    if (file !== undefined && stamp !== this.#stamp) {
      this.#keys = read(file).toSorted(latestFirst);
      this.#local = createLocalJWKSet(this.jwks);
      this.#stamp = stamp;
    }
    const due = signsFrom(this.#keys[0]) + (rotationSeconds - leadSeconds) * 1000;
    if (due <= now()) await this.rotate();
    else if (this.#good().length < this.#keys.length) this.#use(this.#keys);
  }

  #current(): StoredKey {
    const now = this.#o.now();
    const key = this.#keys.find((one) => signsFrom(one) <= now) ?? this.#keys.at(-1);
    if (key === undefined) throw new WafError("key_file", "there is no key");
    return key;
  }

  /** The keys whose tokens may live. */
  #good(): StoredKey[] {
    const ended = this.#o.now() - this.#o.overlapSeconds * 1000;
    return this.#keys.filter((_, n) => n === 0 || signsFrom(this.#keys[n - 1]) > ended);
  }

  #use(keys: readonly StoredKey[]): void {
    this.#keys = keys.toSorted(latestFirst);
    this.#keys = this.#good();
    const { file } = this.#o;
    if (file !== undefined) write(file, this.#keys);
    this.#stamp = stampOf(file);
    this.#local = createLocalJWKSet(this.jwks);
  }
}

const signsFrom = (key: StoredKey | undefined): number => key?.signs_from ?? 0;
const latestFirst = (a: StoredKey, b: StoredKey): number => signsFrom(b) - signsFrom(a);
const stampOf = (file: string | undefined): number => (file === undefined ? 0 : statSync(file).mtimeMs);

async function newKey(signs_from: number): Promise<StoredKey> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: algorithm, use: "sig", signs_from };
}

async function signer(file: string | undefined, jwk: StoredKey): Promise<CryptoKey> {
  const key = await importJWK(jwk, algorithm).catch(() => undefined);
  if (key === undefined || key instanceof Uint8Array || key.type !== "private") {
    throw new WafError("key_file", `${file} holds a key that is no private ${algorithm} key`);
  }
  return key;
}

function read(file: string): StoredKey[] {
  // POSIX only: Windows has no such bits and reports 0666.
  if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) {
    throw new WafError("key_file", `${file} is open to other users of this machine`);
  }
  try {
    const { keys } = JSON.parse(readFileSync(file, "utf8")) as { keys: StoredKey[] };
    if (Array.isArray(keys) && keys.length > 0) return keys;
  } catch {
    // Falls through: the parser's message could quote the key.
  }
  throw new WafError("key_file", `${file} is no JWK Set`);
}

function write(file: string, keys: readonly StoredKey[]): void {
  try {
    // A rename replaces the file at once, so that a crash leaves the old one or the new one.
    const fresh = `${file}.new`;
    writeFileSync(fresh, JSON.stringify({ keys }, null, 2), { mode: 0o600 });
    chmodSync(fresh, 0o600);
    renameSync(fresh, file);
  } catch (error) {
    throw new WafError("key_file", error instanceof Error ? error.message : file);
  }
}
