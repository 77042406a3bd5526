/** RFC 6347 §4.2.2: type, length, message_seq, fragment_offset, fragment_length. */
const headerLength = 12;

/** Bounds on what an unauthenticated peer may make us keep. */
const maxMessage = 16_384;
const maxAhead = 8;
const maxRanges = 32;

export interface HandshakeMessage {
  readonly type: number;
  readonly body: Buffer;
  /** Header and body in one piece, as the transcript wants it (RFC 6347 §4.2.6). */
  readonly octets: Buffer;
  readonly epoch: number;
}

interface Partial {
  readonly type: number;
  readonly epoch: number;
  readonly body: Buffer;
  /** Octets covered: sorted, apart from each other. */
  ranges: [from: number, to: number][];
}

/** Puts handshake messages together from fragments in any order, and hands them out by message_seq (RFC 6347 §4.2.3). */
export class Reassembly {
  #next = 0;
  readonly #partial = new Map<number, Partial>();

  /**
   * @param payload a handshake record's plain text: one or more fragments
   * @returns whether it held a message of the past, which says that the peer retransmits a flight
   */
  add(payload: Buffer, epoch: number): boolean {
    let repeated = false;
    for (let at = 0; at + headerLength <= payload.length;) {
      const type = payload[at] ?? 0;
      const length = payload.readUIntBE(at + 1, 3);
      const sequence = payload.readUInt16BE(at + 4);
      const offset = payload.readUIntBE(at + 6, 3);
      const size = payload.readUIntBE(at + 9, 3);
      const from = at + headerLength;
      at = from + size;
      if (at > payload.length || offset + size > length || length > maxMessage) break;
      if (sequence < this.#next) repeated = true;
      else if (sequence < this.#next + maxAhead) {
        this.#put(sequence, type, length, epoch, offset, payload.subarray(from, at));
      }
    }
    return repeated;
  }

  /** The next message in order, if it is whole. */
  take(): HandshakeMessage | undefined {
    const partial = this.#partial.get(this.#next);
    if (!partial || !isWhole(partial)) return undefined;
    this.#partial.delete(this.#next);
    const { type, body, epoch } = partial;
    const octets = frameMessage(type, this.#next, body);
    this.#next += 1;
    return { type, body, octets, epoch };
  }

  #put(sequence: number, type: number, length: number, epoch: number, offset: number, piece: Buffer): void {
    let partial = this.#partial.get(sequence);
    if (!partial) {
      partial = { type, epoch, body: Buffer.alloc(length), ranges: [] };
      this.#partial.set(sequence, partial);
    }
    // A fragment that contradicts the first one seen is dropped; so is one too many of a shredded message.
    if (partial.type !== type || partial.body.length !== length || partial.epoch !== epoch) return;
    if (partial.ranges.length >= maxRanges) return;
    piece.copy(partial.body, offset);
    partial.ranges = merge([...partial.ranges, [offset, offset + piece.length]]);
  }
}

/** A whole handshake message: header with message_seq, then the body in one fragment. */
export function frameMessage(type: number, sequence: number, body: Buffer): Buffer {
  const header = Buffer.alloc(headerLength);
  header[0] = type;
  header.writeUIntBE(body.length, 1, 3);
  header.writeUInt16BE(sequence, 4);
  header.writeUIntBE(body.length, 9, 3);
  return Buffer.concat([header, body]);
}

function isWhole({ body, ranges }: Partial): boolean {
  const [first] = ranges;
  return first !== undefined && first[0] === 0 && first[1] === body.length;
}

function merge(ranges: [number, number][]): [number, number][] {
  const merged: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}
