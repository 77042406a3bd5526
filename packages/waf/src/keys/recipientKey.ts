import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { WafError } from "../errors.ts";

const algorithm = "ECDH-ES";

/** Key pair of the eP-CSCF, for whom access tokens are encrypted. */
export interface TokenRecipient {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

/**
 * Reads the key pair of a file, made with mode 0600 when absent.
 * @throws WafError `key_file`
 */
export async function recipientKey(file: string): Promise<TokenRecipient> {
  try {
    if (!existsSync(file)) {
      const { privateKey } = await generateKeyPair(algorithm, { crv: "P-256", extractable: true });
      writeFileSync(file, JSON.stringify(await exportJWK(privateKey)), { mode: 0o600, flag: "wx" });
      chmodSync(file, 0o600);
    }
    const { d, ...open } = JSON.parse(readFileSync(file, "utf8")) as JWK;
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
  throw new WafError("key_file", `${file} holds no private P-256 key`);
}
