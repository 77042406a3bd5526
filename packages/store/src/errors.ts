const catalogue = {
  "store/open": {
    message: "The database cannot be opened",
    cause: "The folder is missing or not writable, or the file is no SQLite database",
    remedy: "Create the folder, give the process write access, or name another file",
  },
  "store/newer": {
    message: "The database was written by a newer release",
    cause: "It holds migrations that this release does not know",
    remedy: "Run the release that wrote it, or restore the copy made before the upgrade",
  },
  "store/migration": {
    message: "A migration of the database failed",
    cause: "The disk is full or the file was changed by hand",
    remedy: "Free space, restore the last copy, and start again; a failed migration leaves nothing behind",
  },
} as const;

/** Stable name of an error of this package. */
export type StoreErrorCode = keyof typeof catalogue;

/** The one error this package throws by itself; errors of single statements pass through as SQLite reports them. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;
  readonly remedy: string;
  /** What usually leads here, followed by what SQLite said. */
  override readonly cause: string;

  constructor(code: StoreErrorCode, detail: string) {
    const entry = catalogue[code];
    super(`${entry.message}: ${detail}`);
    this.code = code;
    this.cause = entry.cause;
    this.remedy = entry.remedy;
  }
}
