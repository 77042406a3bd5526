import { randomInt } from "node:crypto";
import { fixedHeaderLength, writeRtp, type RtpPacket } from "./rtp.ts";

/** What becomes of the packets of one payload type. */
export interface PayloadRule {
  /** Payload type on the way out */
  readonly payloadType: number;
  /** Hz of the RTP clock on the way out */
  readonly clockRate: number;
  /** telephone-event: by what to multiply durations (RFC 4733 §2.5.2.3). */
  readonly eventScale?: number;
  /** G.711: what each octet becomes. */
  readonly convert?: Uint8Array;
}

/** RFC 3550 A.1: a greater leap of the sequence number is a new beginning. */
const maxDropout = 3000;

/**
 * One stream that this side sends: SSRC, sequence numbers and timestamps of its own. Gaps and order of the source are
 * kept, so that the receiver sees its losses; a new source, or one that was held, is joined on without a gap.
 */
export class RtpStream {
  readonly ssrc: number = randomInt(1, 2 ** 32);
  #source: number | undefined;
  #sequenceOffset = 0;
  #timestampOffset = 0;
  #highestIn = 0;
  // RFC 3711 §3.3.1: below 2^15, so that a lost first packet cannot make the rollover counter ambiguous.
  #highestOut: number = randomInt(0, 2 ** 15);
  #lastTimestamp: number = randomInt(0, 2 ** 32);
  #lastAt = 0;
  #clockRate = 8000;
  packets = 0;
  octets = 0;

  /** @param now milliseconds; @returns the packet to send */
  translate(packet: RtpPacket, rule: PayloadRule, now: number): Buffer {
    const leap = (packet.sequence - this.#highestIn) & 0xffff;
    const joins = packet.ssrc !== this.#source || (leap > maxDropout && leap < 0x1_0000 - maxDropout);
    if (joins) this.#join(packet, rule, now);
    else if (leap < 0x8000) this.#highestIn = packet.sequence;
    const sequence = (packet.sequence + this.#sequenceOffset) & 0xffff;
    const timestamp = (packet.timestamp + this.#timestampOffset) >>> 0;
    if (((sequence - this.#highestOut) & 0xffff) < 0x8000) {
      this.#highestOut = sequence;
      this.#lastTimestamp = timestamp;
      this.#lastAt = now;
    }
    this.#clockRate = rule.clockRate;
    const { eventScale, convert } = rule;
    // A new beginning of speech, for the receiver's play-out (RFC 3551 §4.1).
    const marker = packet.marker || (joins && eventScale === undefined);
    let { payload } = packet;
    if (eventScale !== undefined) payload = scaleEvent(payload, eventScale);
    if (convert) payload = Buffer.from(payload.map((octet) => convert[octet] ?? 0));
    this.packets += 1;
    this.octets += payload.length;
    return writeRtp({ marker, payloadType: rule.payloadType, sequence, timestamp, ssrc: this.ssrc, payload });
  }

  /** Packets were held back: the next is joined on without a gap in the sequence. */
  interrupt(): void {
    this.#source = undefined;
  }

  /** The RTP timestamp of this moment, for sender reports (RFC 3550 §6.4.1). */
  timestampAt(now: number): number {
    return (this.#lastTimestamp + Math.round(((now - this.#lastAt) * this.#clockRate) / 1000)) >>> 0;
  }

  #join({ ssrc, sequence, timestamp }: RtpPacket, { clockRate }: PayloadRule, now: number): void {
    this.#clockRate = clockRate;
    this.#source = ssrc;
    this.#highestIn = sequence;
    this.#sequenceOffset = this.#highestOut + 1 - sequence;
    const start = this.packets === 0 ? this.#lastTimestamp : this.timestampAt(now);
    this.#timestampOffset = start - timestamp;
  }
}

/** Length of what `translate` puts before the payload. */
export const sentHeaderLength: number = fixedHeaderLength;

/** RFC 4733 §2.3: event, flags and volume, then the duration in 16 bits; one that no longer fits stays at the greatest. */
export function scaleEvent(payload: Buffer, scale: number): Buffer {
  if (payload.length < 4 || scale === 1) return payload;
  const scaled = Buffer.from(payload);
  scaled.writeUInt16BE(Math.min(0xffff, Math.round(payload.readUInt16BE(2) * scale)), 2);
  return scaled;
}
