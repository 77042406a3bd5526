/** What can go wrong, why, and what to do about it. */
const catalogue = {
  "transport/port-in-use": {
    message: "The port is taken",
    cause: "Another program listens at the same address and port",
    remedy: "Stop the other program or configure another port",
  },
  "transport/port-forbidden": {
    message: "The operating system refuses the port",
    cause: "This user may not bind ports below 1024",
    remedy: "Use a higher port or grant the process the right to bind low ports",
  },
  "transport/address-unavailable": {
    message: "This machine has no such address",
    cause: "The configured address belongs to none of the interfaces",
    remedy: "Configure an address of one of this machine's interfaces",
  },
  "transport/tls-credentials": {
    message: "The certificate or its key cannot be used",
    cause: "A PEM text is damaged, or the key is not that of the certificate",
    remedy: "Give the certificate with those between it and a root, and its unencrypted key, as PEM",
  },
  "transport/socket": {
    message: "The socket could not be opened",
    cause: "The operating system refused it",
    remedy: "Read the error's `cause`",
  },
} as const;

/** Stable name of an error of this package, for `switch (error.code)`. */
export type TransportErrorCode = keyof typeof catalogue;

/** Thrown where a socket cannot be opened; `cause` is the operating system's error. */
export class TransportError extends Error {
  override readonly name = "TransportError";
  readonly code: TransportErrorCode;
  readonly remedy: string;

  constructor(code: TransportErrorCode, where: string, cause?: unknown) {
    super(`${catalogue[code].message}: ${where}`, { cause });
    this.code = code;
    this.remedy = catalogue[code].remedy;
  }
}

/** The catalogue's error for what node:net or node:dgram threw while binding `where`. */
export function bindError(error: unknown, where: string): TransportError {
  if (error instanceof TransportError) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") return new TransportError("transport/port-in-use", where, error);
  if (code === "EACCES") return new TransportError("transport/port-forbidden", where, error);
  if (code === "EADDRNOTAVAIL") return new TransportError("transport/address-unavailable", where, error);
  return new TransportError("transport/socket", where, error);
}
