import {
  calculateJwkThumbprint,
  compactVerify,
  createLocalJWKSet,
  type CryptoKey,
  errors,
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
import { type KeyStorage, readOrMake } from "./keyStorage.ts";

const algorithm = "ES256";

/** A kept key: a private JWK, and from when it signs, milliseconds since the epoch. */
interface StoredKey extends JWK {
  /** Absent in what an older release wrote: since ever, so that a next one is made soon. */
  readonly signs_from?: number;
}

/** A signing key as an operator sees it. */
export interface SigningKeyView {
  readonly kid: string;
  /** Milliseconds since the epoch; 0: since ever. */
  readonly signsFrom: number;
  /** `next`: published, and to sign later; `verifying`: its successor signs, and its tokens are still good. */
  readonly state: "next" | "signing" | "verifying";
}

interface SigningKeysOptions {
  /** Holds a JWK Set with private keys. */
  readonly storage: KeyStorage;
  readonly now: Now;
  /** How long a new key is published before it signs: verifiers keep the JWK Set for so long. Seconds. */
  readonly leadSeconds: number;
  /** How long a key verifies after its successor has begun to sign: the longest life of a token and the skew. Seconds. */
  readonly overlapSeconds: number;
  /** How long a key signs before the next is made by itself, seconds. */
  readonly rotationSeconds: number;
}

/** Milliseconds between two looks at the storage for a key that nobody here knows. */
const lookEvery = 100;

/**
 * The WAF's own keys, which all nodes on one storage share. A new one is published first and signs later; an old one is
 * published until the last token it signed has ended.
 *
 *     key: made --lead over--> signs --successor signs--> verifies only --overlap over--> forgotten
 */
export class SigningKeys {
  readonly #o: SigningKeysOptions;
  /** By the time they begin to sign, the latest first. */
  #keys: readonly StoredKey[] = [];
  readonly #signers = new Map<string, CryptoKey>();
  #local: JWTVerifyGetKey;
  /** Of the keys as they were read, to see when another process has written. */
  #stamp: string | undefined;
  /** The last look for an unknown key. */
  #look: { readonly at: number; readonly done: Promise<void> } | undefined;

  private constructor(o: SigningKeysOptions) {
    this.#o = o;
    this.#local = createLocalJWKSet({ keys: [] });
  }

  /** @throws WafError `key_file`, `keys_sealed` */
  static async open(o: SigningKeysOptions): Promise<SigningKeys> {
    const opened = new SigningKeys(o);
    const kept = await readOrMake(o.storage, async () => written([await newKey(o.now())]));
    await opened.#take(kept.text, kept.stamp);
    return opened;
  }

  /** Public keys (RFC 7517), those that are to sign soon among them. */
  get jwks(): JSONWebKeySet {
    return { keys: this.#keys.map(({ kty, crv, x, y, kid, alg, use }) => ({ kty, crv, x, y, kid, alg, use }) as JWK) };
  }

  /** The keys, that which signs last first. */
  get views(): SigningKeyView[] {
    const signing = this.#keys.indexOf(this.#current());
    return this.#keys.map((key, n) => ({
      kid: key.kid ?? "",
      signsFrom: signsFrom(key),
      state: n < signing ? "next" : n === signing ? "signing" : "verifying",
    }));
  }

  /** Finds the key of a token, for `jwtVerify`: also one that another node has made a moment ago. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    try {
      return await this.#local(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#lookAgain();
      return await this.#local(header, token);
    }
  };

  /** Signs with the key whose time it is. */
  async sign(claims: JWTPayload, type: string): Promise<string> {
    const key = this.#current();
    const kid = key.kid ?? "";
    const secret = this.#signers.get(kid) ?? (await signer(this.#o.storage.name, key));
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
    const key = await newKey(this.#o.now() + leadSeconds * 1000);
    while (!(await this.#write([key, ...this.#keys]))) await this.#read();
  }

  /** Makes the next key when it is time, forgets those whose tokens have ended, and reads what another process wrote. */
  async turn(): Promise<void> {
    const { storage, now, leadSeconds, rotationSeconds } = this.#o;
    const stamp = await storage.stamp();
    if (stamp !== undefined && stamp !== this.#stamp) await this.#read();
    const due = signsFrom(this.#keys[0]) + (rotationSeconds - leadSeconds) * 1000;
    // A node that is not the first to write reads at its next turn what the first has written.
    if (due <= now()) await this.#write([await newKey(now() + leadSeconds * 1000), ...this.#keys]);
    else if (good(this.#keys, this.#goodSince()).length < this.#keys.length) await this.#write(this.#keys);
  }

  #current(): StoredKey {
    const now = this.#o.now();
    const key = this.#keys.find((one) => signsFrom(one) <= now) ?? this.#keys.at(-1);
    if (key === undefined) throw new WafError("key_file", "there is no key");
    return key;
  }

  /** Whose successor began to sign before this has no tokens that live. */
  #goodSince(): number {
    return this.#o.now() - this.#o.overlapSeconds * 1000;
  }

  /** However many tokens name unknown keys, the storage is asked a few times a second. */
  #lookAgain(): Promise<void> {
    const at = performance.now();
    if (this.#look === undefined || at - this.#look.at > lookEvery) {
      // A storage that is away leaves the keys as they are.
      this.#look = { at, done: this.#read().catch(() => undefined) };
    }
    return this.#look.done;
  }

  async #read(): Promise<void> {
    const kept = await this.#o.storage.read();
    // Removed under a running portal: the next write makes them anew.
    if (kept === undefined) this.#stamp = undefined;
    else if (kept.stamp !== this.#stamp) await this.#take(kept.text, kept.stamp);
  }

  async #take(text: string, stamp: string): Promise<void> {
    const { name } = this.#o.storage;
    const keys = parsed(name, text).toSorted(latestFirst);
    for (const key of keys) await signer(name, key);
    this.#use(keys, stamp);
  }

  /** @returns false when another process has written meanwhile: then nothing is changed */
  async #write(keys: readonly StoredKey[]): Promise<boolean> {
    const kept = good(keys.toSorted(latestFirst), this.#goodSince());
    const stamp = await this.#o.storage.write(written(kept), this.#stamp);
    if (stamp === undefined) return false;
    this.#use(kept, stamp);
    return true;
  }

  #use(keys: readonly StoredKey[], stamp: string): void {
    this.#keys = keys;
    this.#stamp = stamp;
    this.#local = createLocalJWKSet(this.jwks);
  }
}

/** The keys whose tokens may live: the newest, and those whose successor began to sign after `since`. */
const good = (keys: readonly StoredKey[], since: number): StoredKey[] =>
  keys.filter((_, n) => n === 0 || signsFrom(keys[n - 1]) > since);
const written = (keys: readonly StoredKey[]): string => JSON.stringify({ keys }, null, 2);
const signsFrom = (key: StoredKey | undefined): number => key?.signs_from ?? 0;
const latestFirst = (a: StoredKey, b: StoredKey): number => signsFrom(b) - signsFrom(a);

async function newKey(signs_from: number): Promise<StoredKey> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: algorithm, use: "sig", signs_from };
}

async function signer(name: string, jwk: StoredKey): Promise<CryptoKey> {
  const key = await importJWK(jwk, algorithm).catch(() => undefined);
  if (key === undefined || key instanceof Uint8Array || key.type !== "private") {
    throw new WafError("key_file", `${name} holds a key that is no private ${algorithm} key`);
  }
  return key;
}

function parsed(name: string, text: string): StoredKey[] {
  try {
    const { keys } = JSON.parse(text) as { keys: StoredKey[] };
    if (Array.isArray(keys) && keys.length > 0) return keys;
  } catch {
    // Falls through: the parser's message could quote the key.
  }
  throw new WafError("key_file", `${name} is no JWK Set`);
}
