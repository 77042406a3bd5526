/** RFC 6455 §5.2 opcodes. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame of a client, unmasked. */
export interface Frame {
  readonly opcode: number;
  /** The last one of its message. */
  readonly final: boolean;
  /** Octets. */
  readonly payload: string;
}

/** What a client sent is no frame this node takes; `closeCode` is what the connection is closed with (RFC 6455 §7.4.1). */
export class FrameError extends Error {
  override readonly name = "FrameError";
  readonly closeCode: 1002 | 1009;

  constructor(closeCode: 1002 | 1009, message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}

const known: ReadonlySet<number> = new Set(Object.values(opcodes));
/** RFC 6455 §5.5. */
const largestControl = 125;
const maskLength = 4;

/** Pieces that may wait before they are put together: many small ones take more room than what is in them. */
const mostPieces = 64;

/** Cuts the octets of a client into frames. It holds no more than one frame beyond what came last. */
export class FrameReader {
  readonly #largest: number;
  /** What came and is not read yet, from `#at` to `#end`. */
  #held: Buffer | undefined;
  #at = 0;
  #end = 0;
  /** What is held is the caller's. */
  #borrowed = false;
  /** What came after that, while it does not suffice for the next step. */
  #later: Buffer[] | undefined;
  #waiting = 0;
  /** Octets the next step needs. */
  #needed = 2;

  /** @param largest payload accepted, octets. */
  constructor(largest: number) {
    this.#largest = largest;
  }

  /** Takes octets that stay as they are until {@link settle}; they are unmasked in place. @param length of what counts */
  push(octets: Buffer, length: number = octets.length): void {
    if (this.#held === undefined) {
      this.#held = octets;
      this.#end = length;
      this.#borrowed = true;
      return;
    }
    this.#later ??= [];
    this.#later.push(Buffer.from(octets.subarray(0, length)));
    this.#waiting += length;
  }

  /** Keeps what is not read yet, in memory of its own: the caller may use his for something else. */
  settle(): void {
    if (this.#held !== undefined && this.#borrowed) {
      this.#hold(Buffer.from(this.#held.subarray(this.#at, this.#end)));
    }
  }

  /** The next whole frame. @throws FrameError after which nothing can be read any more. */
  next(): Frame | undefined {
    for (;;) {
      const held = this.#gathered();
      if (held === undefined) return undefined;
      const at = this.#at;
      const second = held[at + 1] ?? 0;
      const short = second & 0x7f;
      const head = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + maskLength;
      if (this.#needed === 2) check(held[at] ?? 0, second);
      const left = this.#end - at;
      if (left < head) {
        this.#needed = head;
        continue;
      }
      const length = short === 126 ? held.readUInt16BE(at + 2) : short === 127 ? wide(held, at + 2) : short;
      if (length > this.#largest) throw new FrameError(1009, "payload too large");
      if (left < head + length) {
        this.#needed = head + length;
        continue;
      }
      const first = held[at] ?? 0;
      const from = at + head;
      const to = from + length;
      unmask(held, from, to);
      this.#needed = 2;
      this.#at = to;
      if (to === this.#end) this.#hold(undefined);
      return { opcode: first & 0x0f, final: first >= 0x80, payload: held.toString("latin1", from, to) };
    }
  }

  /** What is held in one piece, if it suffices. */
  #gathered(): Buffer | undefined {
    const held = this.#held;
    if (held === undefined) return undefined;
    const left = this.#end - this.#at;
    const later = this.#later;
    if (later !== undefined && (left + this.#waiting >= this.#needed || later.length > mostPieces)) {
      this.#hold(Buffer.concat([held.subarray(this.#at, this.#end), ...later]));
      this.#later = undefined;
      this.#waiting = 0;
    }
    return this.#end - this.#at >= this.#needed ? this.#held : undefined;
  }

  #hold(octets: Buffer | undefined): void {
    this.#held = octets;
    this.#borrowed = false;
    this.#at = 0;
    this.#end = octets?.length ?? 0;
  }
}

/** RFC 6455 §5.1, §5.2, §5.5: what the first two octets tell. */
function check(first: number, second: number): void {
  const opcode = first & 0x0f;
  if ((first & 0x70) !== 0) throw new FrameError(1002, "reserved bits");
  if (!known.has(opcode)) throw new FrameError(1002, "opcode");
  if (second < 0x80) throw new FrameError(1002, "a client masks its frames");
  if (opcode >= opcodes.close && (first < 0x80 || (second & 0x7f) > largestControl)) {
    throw new FrameError(1002, "control frame");
  }
}

function wide(octets: Buffer, at: number): number {
  return octets.readUInt32BE(at) === 0 ? octets.readUInt32BE(at + 4) : Infinity;
}

/** In place; the mask stands before the payload. */
function unmask(held: Buffer, from: number, to: number): void {
  const a = held[from - 4] ?? 0;
  const b = held[from - 3] ?? 0;
  const c = held[from - 2] ?? 0;
  const d = held[from - 1] ?? 0;
  const fours = to - ((to - from) % 4);
  for (let i = from; i < fours; i += 4) {
    held[i] = (held[i] ?? 0) ^ a;
    held[i + 1] = (held[i + 1] ?? 0) ^ b;
    held[i + 2] = (held[i + 2] ?? 0) ^ c;
    held[i + 3] = (held[i + 3] ?? 0) ^ d;
  }
  for (let i = fours; i < to; i += 1) held[i] = (held[i] ?? 0) ^ (held[from - maskLength + i - fours] ?? 0);
}

/** The first octets of an unfragmented frame of this node, as an octet string: servers do not mask (RFC 6455 §5.1). */
export function frameHead(opcode: number, length: number): string {
  const first = 0x80 | opcode;
  if (length < 126) return String.fromCharCode(first, length);
  if (length < 65_536) return String.fromCharCode(first, 126, length >> 8, length & 0xff);
  const low = [24, 16, 8, 0].map((bits) => (length >>> bits) & 0xff);
  return String.fromCharCode(first, 127, 0, 0, 0, 0, ...low);
}
