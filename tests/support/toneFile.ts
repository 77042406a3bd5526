import { ToneGenerator } from "@portico/lab";
import { formatWav } from "./wav.ts";

/** A tone switched on and off, as a browser's microphone plays it. */
export interface TonePattern {
  /** Hz. */
  readonly frequency: number;
  /** Milliseconds. */
  readonly on: number;
  readonly off: number;
}

const rate = 48_000;

/** One period of the pattern as a WAV file, which Chromium repeats for ever. */
export function toneWav({ frequency, on, off }: TonePattern): Buffer {
  const tone = new ToneGenerator({ frequency, onMs: on, offMs: off, amplitude: 0.5 }, rate);
  return formatWav(tone.next(Math.round(((on + off) / 1000) * rate)), rate);
}
