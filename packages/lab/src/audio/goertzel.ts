/**
 * Power of one frequency in a block, by Goertzel's recursion.
 * @param frequency Hz, below half the sample rate
 * @returns mean power of that component relative to full scale squared: a full-scale sine gives 0.5
 */
export function tonePower(samples: Int16Array | Float32Array, sampleRate: number, frequency: number): number {
  const scale = samples instanceof Int16Array ? 1 / 32_768 : 1;
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / sampleRate);
  let last = 0;
  let beforeLast = 0;
  for (const sample of samples) {
    const now = sample * scale + coefficient * last - beforeLast;
    beforeLast = last;
    last = now;
  }
  const magnitude = last * last + beforeLast * beforeLast - coefficient * last * beforeLast;
  return (2 * magnitude) / (samples.length * samples.length);
}

/** What one stretch of audio holds. */
export interface ToneWindow {
  /** Start, milliseconds since the listening began. */
  readonly at: number;
  /** Level of the whole window in dBov, -100 for digital silence. */
  readonly level: number;
  /** The strongest frequency, Hz in steps of 10; absent when the window is silent (below -50 dBov) or no tone. */
  readonly frequency: number | undefined;
  /** Part of the window's power that lies in that frequency, 0 to 1. */
  readonly share: number;
}

const silenceDbov = -50;
const leastShare = 0.5;

/** Analyses one window; 100 ms give a resolution of 10 Hz. */
export function analyseWindow(samples: Int16Array | Float32Array, sampleRate: number, at: number): ToneWindow {
  const scale = samples instanceof Int16Array ? 1 / 32_768 : 1;
  let total = 0;
  for (const sample of samples) total += (sample * scale) ** 2;
  total /= samples.length;
  const level = total > 0 ? Math.max(-100, 10 * Math.log10(total)) : -100;
  if (level < silenceDbov) return { at, level, frequency: undefined, share: 0 };
  let best = 0;
  let power = 0;
  for (let frequency = 200; frequency <= Math.min(3800, sampleRate / 2 - 100); frequency += 10) {
    const here = tonePower(samples, sampleRate, frequency);
    if (here > power) {
      power = here;
      best = frequency;
    }
  }
  const share = Math.min(1, power / total);
  return { at, level, frequency: share >= leastShare ? best : undefined, share };
}

/** Cuts a stream of samples into windows and keeps what each held. */
export class ToneListener {
  readonly #rate: number;
  readonly #window: Int16Array;
  readonly #heard: ToneWindow[] = [];
  #filled = 0;
  #count = 0;

  /** @param windowMs length of a window, milliseconds */
  constructor(sampleRate: number, windowMs = 100) {
    this.#rate = sampleRate;
    this.#window = new Int16Array((sampleRate * windowMs) / 1000);
  }

  /** The windows so far, oldest first; at most the last ten minutes. */
  get heard(): readonly ToneWindow[] {
    return this.#heard;
  }

  /** @returns the windows that these samples completed */
  push(samples: Int16Array): ToneWindow[] {
    const done: ToneWindow[] = [];
    for (const sample of samples) {
      this.#window[this.#filled] = sample;
      this.#filled += 1;
      if (this.#filled === this.#window.length) {
        done.push(analyseWindow(this.#window, this.#rate, (this.#count * 1000 * this.#filled) / this.#rate));
        this.#count += 1;
        this.#filled = 0;
      }
    }
    this.#heard.push(...done);
    if (this.#heard.length > mostWindows) this.#heard.splice(0, this.#heard.length - mostWindows);
    return done;
  }
}

const mostWindows = 6000;

/**
 * How many windows held a tone of about that frequency.
 * @param toleranceHz default 20
 */
export function countTone(windows: readonly ToneWindow[], frequency: number, toleranceHz = 20): number {
  return windows.filter((w) => w.frequency !== undefined && Math.abs(w.frequency - frequency) <= toleranceHz).length;
}
