import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "./config/complaint.ts";

const octets = 32;

/**
 * The node's seal key: made at the first start, readable by its owner alone.
 * @throws ConfigError when the file holds something else: a full disk leaves it empty, and an empty key seals nothing.
 */
export function sealKey(folder: string): Uint8Array {
  const file = join(folder, "seal.key");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, randomBytes(octets), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const key = readFileSync(file);
  if (key.length !== octets) throw ConfigError.ofFile(file, "is no seal key", "remove it, and a new one is made");
  return key;
}
