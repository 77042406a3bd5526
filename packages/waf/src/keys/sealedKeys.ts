import type { KeptKeysTable } from "@portico/store";
import { WafError } from "../errors.ts";
import type { KeyStorage } from "./keyStorage.ts";
import { secretBox } from "./secretBox.ts";

/**
 * Keys in the store, for all nodes on it, sealed with AES-256-GCM: who reads or writes the database can neither use them
 * nor put others in their place.
 * @param name which keys; a text sealed for one name is refused for another
 * @param secret at least 32 characters by chance, the same on every node, and kept outside the database
 */
export function sealedKeys(table: KeptKeysTable, name: string, secret: string): KeyStorage {
  const box = secretBox(secret, "portico kept keys", `portico ${name}`);
  const storage = `keys ${name} of the database`;
  return {
    name: storage,
    async read() {
      const kept = await table.get(name);
      if (kept === undefined) return undefined;
      const text = box.open(kept.sealed);
      if (text === undefined) throw new WafError("keys_sealed", storage);
      return { text, stamp: String(kept.version) };
    },
    async stamp() {
      return (await table.version(name))?.toString();
    },
    async write(text, former) {
      const version = await table.replace(name, box.seal(text), former === undefined ? undefined : Number(former));
      return version?.toString();
    },
  };
}
