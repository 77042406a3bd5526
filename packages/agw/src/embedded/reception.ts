import type { ReportBlock } from "./rtcp.ts";

/** Statistics over one received stream (RFC 3550 §6.4.1, A.1, A.3, A.8). A change of SSRC begins anew and keeps the totals. */
export class Reception {
  packets = 0;
  octets = 0;
  #ssrc: number | undefined;
  #base = 0;
  #highest = 0;
  #received = 0;
  #lostBefore = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;
  /** In units of the RTP clock */
  #jitter = 0;
  #transit: number | undefined;
  #clockRate = 8000;

  /** @param now milliseconds */
  add(ssrc: number, sequence: number, timestamp: number, payloadLength: number, clockRate: number, now: number): void {
    this.packets += 1;
    this.octets += payloadLength;
    if (ssrc !== this.#ssrc) this.#begin(ssrc, sequence);
    const leap = (sequence - this.#highest) & 0xffff;
    if (leap < 0x8000) this.#highest += leap;
    this.#received += 1;
    this.#clockRate = clockRate;
    const transit = (Math.round((now * clockRate) / 1000) - timestamp) | 0;
    if (this.#transit !== undefined) {
      const difference = Math.abs((transit - this.#transit) | 0);
      this.#jitter += (difference - this.#jitter) / 16;
    }
    this.#transit = transit;
  }

  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  get lost(): number {
    return Math.max(0, this.#lostBefore + this.#lostNow());
  }

  /** Share of the packets that were to come, 0 to 1 */
  get lossShare(): number {
    return this.lost / Math.max(1, this.lost + this.packets);
  }

  /** Seconds */
  get jitter(): number {
    return this.#jitter / this.#clockRate;
  }

  /** The figures of a report block since the last one; undefined before the first packet. */
  report(): Omit<ReportBlock, "lastReport" | "delay"> | undefined {
    if (this.#ssrc === undefined) return undefined;
    const expected = this.#expected();
    const expectedInterval = expected - this.#expectedPrior;
    const lostInterval = expectedInterval - (this.#received - this.#receivedPrior);
    this.#expectedPrior = expected;
    this.#receivedPrior = this.#received;
    return {
      ssrc: this.#ssrc,
      fractionLost: expectedInterval > 0 && lostInterval > 0 ? lostInterval / expectedInterval : 0,
      lost: this.#lostNow(),
      highest: this.#highest >>> 0,
      jitter: Math.round(this.#jitter),
    };
  }

  #begin(ssrc: number, sequence: number): void {
    if (this.#ssrc !== undefined) this.#lostBefore += Math.max(0, this.#lostNow());
    this.#ssrc = ssrc;
    this.#base = sequence;
    this.#highest = sequence;
    [this.#received, this.#expectedPrior, this.#receivedPrior] = [0, 0, 0];
    this.#jitter = 0;
    this.#transit = undefined;
  }

  #expected(): number {
    return this.#highest - this.#base + 1;
  }

  #lostNow(): number {
    return this.#ssrc === undefined ? 0 : this.#expected() - this.#received;
  }
}
