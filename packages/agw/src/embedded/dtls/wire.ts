/** TLS alert descriptions this endpoint sends (RFC 5246 §7.2). */
export const alerts = {
  closeNotify: 0,
  unexpectedMessage: 10,
  handshakeFailure: 40,
  badCertificate: 42,
  illegalParameter: 47,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
} as const;

/** The handshake cannot go on; `alert` is what the peer is told. */
export class DtlsError extends Error {
  override readonly name = "DtlsError";
  readonly alert: number;

  constructor(message: string, alert: number) {
    super(message);
    this.alert = alert;
  }
}

/** Reads the vectors of the TLS presentation language (RFC 5246 §4); whatever runs over the end is a decode error. */
export class Reader {
  readonly #octets: Buffer;
  #at = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  get done(): boolean {
    return this.#at === this.#octets.length;
  }

  bytes(length: number): Buffer {
    if (this.#at + length > this.#octets.length) throw new DtlsError("A message is cut short", alerts.decodeError);
    return this.#octets.subarray(this.#at, (this.#at += length));
  }

  uint(octets: 1 | 2 | 3): number {
    return this.bytes(octets).readUIntBE(0, octets);
  }

  /** A vector whose length stands before it in so many octets. */
  vector(lengthOctets: 1 | 2 | 3): Buffer {
    return this.bytes(this.uint(lengthOctets));
  }

  /** A vector of 16-bit numbers. */
  uint16s(lengthOctets: 1 | 2): number[] {
    const inner = new Reader(this.vector(lengthOctets));
    const numbers: number[] = [];
    while (!inner.done) numbers.push(inner.uint(2));
    return numbers;
  }
}

export function uint(value: number, octets: 1 | 2 | 3): Buffer {
  const out = Buffer.alloc(octets);
  out.writeUIntBE(value, 0, octets);
  return out;
}

export function vector(content: Buffer, lengthOctets: 1 | 2 | 3): Buffer {
  return Buffer.concat([uint(content.length, lengthOctets), content]);
}

export function uint16s(values: readonly number[], lengthOctets: 1 | 2): Buffer {
  return vector(Buffer.concat(values.map((value) => uint(value, 2))), lengthOctets);
}
