import { WicError } from "./errors.ts";

export interface DtmfOptions {
  /** Length of each tone, 40 to 8000 ms; 100 if left out. Browsers cut it to 6000. */
  readonly durationMs?: number;
  /** Silence between tones, at least 30 ms; 70 if left out. */
  readonly gapMs?: number;
}

/**
 * Sends digits as RFC 4733 events; digits of an earlier call still waiting go first.
 * @throws WicError `wic/dtmf` on a character or duration out of range (RFC 7874 §3)
 */
export function sendTones(sender: RTCDTMFSender | undefined, digits: string, options: DtmfOptions = {}): void {
  const { durationMs = 100, gapMs = 70 } = options;
  const tones = digits.toUpperCase();
  const wellFormed = /^[0-9A-D*#]{1,64}$/.test(tones) && inRange(durationMs, 40, 8000) && inRange(gapMs, 30, 8000);
  if (!wellFormed || sender === undefined) throw new WicError("wic/dtmf");
  sender.insertDTMF(sender.toneBuffer + tones, durationMs, gapMs);
}

function inRange(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}
