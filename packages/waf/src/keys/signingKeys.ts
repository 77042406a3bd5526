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

const algorithm = "ES256";

/**
 * The WAF's own keys. The first of the file signs; those after it still verify, so that a rotation ends no session.
 */
export class SigningKeys {
  readonly #file: string | undefined;
  #keys: readonly JWK[];
  #signer: CryptoKey;
  #local: JWTVerifyGetKey;

  private constructor(file: string | undefined, keys: readonly JWK[], newest: CryptoKey) {
    this.#file = file;
    this.#keys = keys;
    this.#signer = newest;
    this.#local = createLocalJWKSet(this.jwks);
  }

  /**
   * @param file JWK Set with private keys, made with mode 0600 when absent; undefined: a key of this process only
   * @throws WafError `key_file`
   */
  static async open(file: string | undefined): Promise<SigningKeys> {
    const exists = file !== undefined && existsSync(file);
    const keys = exists ? read(file) : [await newKey()];
    if (file !== undefined && !exists) write(file, keys);
    return new SigningKeys(file, keys, await signer(file, keys));
  }

  /** Public keys (RFC 7517). */
  get jwks(): JSONWebKeySet {
    return { keys: this.#keys.map(({ kty, crv, x, y, kid, alg, use }) => ({ kty, crv, x, y, kid, alg, use }) as JWK) };
  }

  /** Finds the key of a token, for `jwtVerify`. */
  readonly find: JWTVerifyGetKey = (header, token) => this.#local(header, token);

  /** Signs with the newest key. */
  async sign(claims: JWTPayload, type: string): Promise<string> {
    const header = { alg: algorithm, typ: type, kid: this.#keys[0]?.kid ?? "" };
    return await new SignJWT(claims).setProtectedHeader(header).sign(this.#signer);
  }

  /** The `sid` of an access token of ours, expired or not; undefined for any other text. */
  async sessionOf(token: string): Promise<string | undefined> {
    try {
      const { payload } = await compactVerify(token, this.find, { algorithms: [algorithm] });
      const { sid } = JSON.parse(new TextDecoder().decode(payload)) as { sid?: unknown };
      return typeof sid === "string" ? sid : undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Signs with a new key from now on; the one before still verifies, older ones no longer. Two rotations should lie
   * further apart than a token lives.
   */
  async rotate(): Promise<void> {
    const keys = [await newKey(), ...this.#keys.slice(0, 1)];
    if (this.#file !== undefined) write(this.#file, keys);
    this.#signer = await signer(this.#file, keys);
    this.#keys = keys;
    this.#local = createLocalJWKSet(this.jwks);
  }
}

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: algorithm, use: "sig" };
}

async function signer(file: string | undefined, keys: readonly JWK[]): Promise<CryptoKey> {
  const key = keys[0] && (await importJWK(keys[0], algorithm).catch(() => undefined));
  if (key === undefined || key instanceof Uint8Array || key.type !== "private") {
    throw new WafError("key_file", `${file}: the first key is no private ${algorithm} key`);
  }
  return key;
}

function read(file: string): JWK[] {
  // POSIX only: Windows has no such bits and reports 0666.
  if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) {
    throw new WafError("key_file", `${file} is open to other users of this machine`);
  }
  try {
    const { keys } = JSON.parse(readFileSync(file, "utf8")) as { keys: JWK[] };
    if (Array.isArray(keys)) return keys;
  } catch {
    // Falls through: the parser's message could quote the key.
  }
  throw new WafError("key_file", `${file} is no JWK Set`);
}

function write(file: string, keys: readonly JWK[]): void {
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
