/**
 * Which packet indices were seen (RFC 3711 §3.3.2). A ring of exact indices: an index is new if it is not in its place and
 * not older than the window.
 */
export class ReplayWindow {
  readonly #seen: Float64Array;
  #highest = -1;

  /** @param size in packets; RFC 3711 wants 64 at least */
  constructor(size = 128) {
    this.#seen = new Float64Array(size).fill(-1);
  }

  /** Highest index seen; -1 before any. */
  get highest(): number {
    return this.#highest;
  }

  isNew(index: number): boolean {
    const size = this.#seen.length;
    return index > this.#highest - size && this.#seen[index % size] !== index;
  }

  /** Call it once the packet is known to be authentic. */
  add(index: number): void {
    this.#seen[index % this.#seen.length] = index;
    if (index > this.#highest) this.#highest = index;
  }
}

/**
 * The 48-bit index of a packet from its 16-bit sequence number: the one nearest to the highest index so far
 * (RFC 3711 §3.3.1, appendix A).
 */
export function packetIndex(sequence: number, highest: number): number {
  if (highest < 0) return sequence;
  const roc = Math.floor(highest / 65_536);
  const distance = sequence - (highest % 65_536);
  if (distance > 32_768 && roc > 0) return (roc - 1) * 65_536 + sequence;
  if (distance < -32_768) return (roc + 1) * 65_536 + sequence;
  return roc * 65_536 + sequence;
}
