const catalogue = {
  "store/open": {
    message: "The database cannot be opened",
    cause:
      "The folder is missing or not writable, the file is no SQLite database, or PostgreSQL does not know the user, the password or the database",
    remedy: "Create the folder or the database, give the process access, or name another one",
  },
  "store/unreachable": {
    message: "The database does not answer",
    cause: "PostgreSQL is down, restarting or cut off, or has no connection to spare",
    remedy:
      "Start PostgreSQL; the next statement connects anew. What was under way is kept whole or not at all: ask before doing it again",
  },
  "store/busy": {
    message: "The database is busy",
    cause: "Another process holds what the statement needs, for longer than it may wait",
    remedy: "Try again; if it persists, look for a process that keeps a transaction open",
  },
  "store/newer": {
    message: "The database was written by a newer release",
    cause: "It holds migrations that this release does not know",
    remedy: "Run the release that wrote it, or restore the copy made before the upgrade",
  },
  "store/backup-file": {
    message: "The file of the backup cannot be used",
    cause: "It cannot be read or written, was cut off or changed, or is no backup",
    remedy: "Name a file in a folder that can be written, or another backup",
  },
  "store/not-empty": {
    message: "A backup is restored into an empty database only",
    cause: "The database has tables already",
    remedy: "Name a new file, a new schema or a new database, and have the configuration point to it afterwards",
  },
  "store/migration": {
    message: "A migration of the database failed",
    cause: "The disk is full or the file was changed by hand",
    remedy: "Free space, restore the last copy, and start again; a failed migration leaves nothing behind",
  },
} as const;

/** Stable name of an error of this package. */
export type StoreErrorCode = keyof typeof catalogue;

/** The one error this package throws by itself; other errors of single statements pass through as the database reports them. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;
  readonly remedy: string;
  /** What usually leads here, followed by what the database said. */
  override readonly cause: string;

  constructor(code: StoreErrorCode, detail: string) {
    const entry = catalogue[code];
    super(`${entry.message}: ${detail}`);
    this.code = code;
    this.cause = entry.cause;
    this.remedy = entry.remedy;
  }
}

/** Another transaction is in the way: the one that meets this is run again, and gives up with it after many times. */
export class ContendedError extends StoreError {
  constructor(detail: string) {
    super("store/busy", detail);
  }
}

/** What an error says. */
export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
