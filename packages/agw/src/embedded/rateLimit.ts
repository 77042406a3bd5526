/** Twice what audio in packets of 10 ms sends; more is no call (AGW-20). */
const packetsPerSecond = 200;

/** Opus at its highest rate, headers included. */
const octetsPerSecond = 100_000;

/** A late burst of so many seconds is let through: what piled up behind a short break of the network. */
const burstSeconds = 2;

/** Polices one direction of a session by packets and by octets: two token buckets. */
export class RateLimit {
  #packets = packetsPerSecond * burstSeconds;
  #octets = octetsPerSecond * burstSeconds;
  #at = 0;

  /** @param now milliseconds; @returns whether a packet of so many octets may pass, and counts it if so */
  allows(octets: number, now: number): boolean {
    const elapsed = (now - this.#at) / 1000;
    this.#at = now;
    this.#packets = Math.min(packetsPerSecond * burstSeconds, this.#packets + elapsed * packetsPerSecond);
    this.#octets = Math.min(octetsPerSecond * burstSeconds, this.#octets + elapsed * octetsPerSecond);
    if (this.#packets < 1 || this.#octets < octets) return false;
    this.#packets -= 1;
    this.#octets -= octets;
    return true;
  }
}
