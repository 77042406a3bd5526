import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const cipher = "aes-256-gcm";
/** Octets of what AES-GCM puts before and behind the text. */
const nonceLength = 12;
const tagLength = 16;
/** Names the form, should there ever be another. */
const form = "1.";

/** Seals texts that lie where others may read and write: nobody without the secret reads one, or makes one that opens. */
export interface SecretBox {
  seal(text: string): string;
  /** @returns undefined for what was not sealed with this secret for this purpose */
  open(sealed: string): string | undefined;
}

/**
 * @param secret at least 32 characters by chance, the same on every node
 * @param purpose what keys are derived for; `about`: what it holds, so that nothing is taken for something else
 */
export function secretBox(secret: string, purpose: string, about: string): SecretBox {
  const key = Buffer.from(hkdfSync("sha256", secret, "", purpose, 32));
  const aad = Buffer.from(about);
  return {
    seal(text) {
      const nonce = randomBytes(nonceLength);
      const sealing = createCipheriv(cipher, key, nonce).setAAD(aad);
      const sealed = Buffer.concat([nonce, sealing.update(text, "utf8"), sealing.final(), sealing.getAuthTag()]);
      return form + sealed.toString("base64url");
    },
    open(sealed) {
      const octets = Buffer.from(sealed.slice(form.length), "base64url");
      if (!sealed.startsWith(form) || octets.length < nonceLength + tagLength) return undefined;
      try {
        const opening = createDecipheriv(cipher, key, octets.subarray(0, nonceLength), { authTagLength: tagLength })
          .setAAD(aad)
          .setAuthTag(octets.subarray(-tagLength));
        return opening.update(octets.subarray(nonceLength, -tagLength), undefined, "utf8") + opening.final("utf8");
      } catch {
        return undefined;
      }
    },
  };
}
