import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { WafError } from "../errors.ts";
import { type KeyStorage, readOrMake } from "./keyStorage.ts";

const algorithm = "ECDH-ES";

/** Key pair of the eP-CSCF, for whom access tokens are encrypted. */
export interface TokenRecipient {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

/**
 * Reads the key pair, made when absent.
 * @throws WafError `key_file`, `keys_sealed`
 */
export async function recipientKey(storage: KeyStorage): Promise<TokenRecipient> {
  const { text } = await readOrMake(storage, newPair);
  try {
    const { d, ...open } = JSON.parse(text) as JWK;
    const [publicKey, privateKey] = await Promise.all([
      importJWK(open, algorithm),
      importJWK({ ...open, ...(d === undefined ? {} : { d }) }, algorithm),
    ]);
    if (!(publicKey instanceof Uint8Array) && !(privateKey instanceof Uint8Array) && privateKey.type === "private") {
      return { publicKey, privateKey };
    }
  } catch {
    // Falls through: the parser's message could quote the key.
  }
  throw new WafError("key_file", `${storage.name} holds no private P-256 key`);
}

async function newPair(): Promise<string> {
  const { privateKey } = await generateKeyPair(algorithm, { crv: "P-256", extractable: true });
  return JSON.stringify(await exportJWK(privateKey));
}
