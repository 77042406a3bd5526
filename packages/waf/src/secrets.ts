import { createHash } from "node:crypto";

/** SHA-256, base64url. For secrets of full entropy, which need no salt. */
export function digest(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
