/** RFC 4733 §2.3: one report of a telephone event. */
export interface TelephoneEvent {
  readonly event: number;
  readonly end: boolean;
  /** Timestamp units since the event's start. */
  readonly duration: number;
}

const keys = "0123456789*#ABCD";

/** The key of an event code 0 to 15 (RFC 4733 §3.2). */
export function keyOf(event: number): string | undefined {
  return keys[event];
}

/** The event code of a key. @returns -1 for what is no DTMF key */
export function eventOf(key: string): number {
  return keys.indexOf(key.toUpperCase());
}

/** @returns undefined when the payload is too short */
export function parseTelephoneEvent(payload: Uint8Array): TelephoneEvent | undefined {
  const [event, flags, high, low] = payload;
  if (event === undefined || flags === undefined || high === undefined || low === undefined) return undefined;
  return { event, end: (flags & 0x80) !== 0, duration: (high << 8) | low };
}

/** The payload, at a volume of -10 dBm0. */
export function formatTelephoneEvent(e: TelephoneEvent): Uint8Array {
  return Uint8Array.of(e.event, (e.end ? 0x80 : 0) | 10, e.duration >> 8, e.duration & 0xff);
}

/** Turns the packets of an event stream into keys: each event once, however often its end is repeated. */
export class KeyReader {
  #current: number | undefined;

  /** @returns the key that this packet begins to report */
  read(timestamp: number, payload: Uint8Array): string | undefined {
    const report = parseTelephoneEvent(payload);
    // RFC 4733 §2.5.1.2: all packets of one event carry the timestamp of its start
    if (report === undefined || timestamp === this.#current) return undefined;
    this.#current = timestamp;
    return keyOf(report.event);
  }
}
