import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { KeptKeysTable } from "@portico/store";
import { WafError } from "../errors.ts";
import type { KeyStorage } from "./keyStorage.ts";

const cipher = "aes-256-gcm";
/** Octets of what AES-GCM puts before and behind the text. */
const nonceLength = 12;
const tagLength = 16;
/** Names the form, should there ever be another. */
const form = "1.";

/**
 * Keys in the store, for all nodes on it, sealed with AES-256-GCM: who reads or writes the database can neither use them
 * nor put others in their place.
 * @param name which keys; a text sealed for one name is refused for another
 * @param secret at least 32 characters by chance, the same on every node, and kept outside the database
 */
export function sealedKeys(table: KeptKeysTable, name: string, secret: string): KeyStorage {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "portico kept keys", 32));
  const about = Buffer.from(`portico ${name}`);
  const storage = `keys ${name} of the database`;
  return {
    name: storage,
    async read() {
      const kept = await table.get(name);
      if (kept === undefined) return undefined;
      const text = open(kept.sealed, key, about);
      if (text === undefined) throw new WafError("keys_sealed", storage);
      return { text, stamp: String(kept.version) };
    },
    async stamp() {
      return (await table.version(name))?.toString();
    },
    async write(text, former) {
      const version = await table.replace(
        name,
        seal(text, key, about),
        former === undefined ? undefined : Number(former),
      );
      return version?.toString();
    },
  };
}

function seal(text: string, key: Buffer, about: Buffer): string {
  const nonce = randomBytes(nonceLength);
  const sealing = createCipheriv(cipher, key, nonce).setAAD(about);
  const sealed = Buffer.concat([nonce, sealing.update(text, "utf8"), sealing.final(), sealing.getAuthTag()]);
  return form + sealed.toString("base64url");
}

function open(sealed: string, key: Buffer, about: Buffer): string | undefined {
  const octets = Buffer.from(sealed.slice(form.length), "base64url");
  if (!sealed.startsWith(form) || octets.length < nonceLength + tagLength) return undefined;
  try {
    const opening = createDecipheriv(cipher, key, octets.subarray(0, nonceLength), { authTagLength: tagLength })
      .setAAD(about)
      .setAuthTag(octets.subarray(-tagLength));
    return opening.update(octets.subarray(nonceLength, -tagLength), undefined, "utf8") + opening.final("utf8");
  } catch {
    return undefined;
  }
}
