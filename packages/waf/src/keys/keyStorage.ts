import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { WafError } from "../errors.ts";

/** A text with private keys, and what names this version of it. */
export interface KeptText {
  readonly text: string;
  readonly stamp: string;
}

/** Where private keys are kept, for one process or for all nodes. */
export interface KeyStorage {
  /** What errors call it. */
  readonly name: string;
  /** @returns undefined when nothing was ever written. @throws WafError `key_file`, `keys_sealed` */
  read(): Promise<KeptText | undefined>;
  /** The stamp alone, at little cost. */
  stamp(): Promise<string | undefined>;
  /**
   * Puts a text in the place of another one.
   * @param former stamp of the one it was made from; undefined: there was none
   * @returns its stamp; undefined when somebody else has been quicker, and then nothing is changed
   * @throws WafError `key_file`
   */
  write(text: string, former: string | undefined): Promise<string | undefined>;
}

/** Keys in a file, which has mode 0600. */
export function keyFile(file: string): KeyStorage {
  const stamp = async (): Promise<string | undefined> => {
    // Each write makes a new file in the place of the old one.
    const found = statSync(file, { bigint: true, throwIfNoEntry: false });
    return found === undefined ? undefined : `${found.ino} ${found.mtimeNs}`;
  };
  return {
    name: file,
    stamp,
    async read() {
      const found = await stamp();
      if (found === undefined) return undefined;
      // POSIX only: Windows has no such bits and reports 0666.
      if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) {
        throw new WafError("key_file", `${file} is open to other users of this machine`);
      }
      return { text: readFileSync(file, "utf8"), stamp: found };
    },
    async write(text, former) {
      if ((await stamp()) !== former) return undefined;
      try {
        // A rename replaces the file at once, so that a crash leaves the old one or the new one.
        const fresh = `${file}.new`;
        writeFileSync(fresh, text, { mode: 0o600 });
        chmodSync(fresh, 0o600);
        renameSync(fresh, file);
      } catch (error) {
        throw new WafError("key_file", error instanceof Error ? error.message : file);
      }
      return await stamp();
    },
  };
}

/** Keys of this process only, gone with it. */
export function keysInMemory(): KeyStorage {
  let kept: KeptText | undefined;
  let count = 0;
  return {
    name: "memory",
    read: async () => kept,
    stamp: async () => kept?.stamp,
    async write(text, former) {
      if (kept?.stamp !== former) return undefined;
      kept = { text, stamp: String((count += 1)) };
      return kept.stamp;
    },
  };
}

/**
 * What the storage holds; what `make` makes where it holds nothing yet. Of nodes that start together one makes it, and
 * all have the same.
 */
export async function readOrMake(storage: KeyStorage, make: () => Promise<string>): Promise<KeptText> {
  for (;;) {
    const kept = await storage.read();
    if (kept !== undefined) return kept;
    const text = await make();
    const stamp = await storage.write(text, undefined);
    if (stamp !== undefined) return { text, stamp };
  }
}
