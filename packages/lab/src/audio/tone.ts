/** A tone switched on and off, so that a listener can tell it from another one and from a stuck stream. */
export interface TonePattern {
  /** Hz, below half the sample rate. */
  readonly frequency: number;
  readonly onMs: number;
  readonly offMs: number;
  /** Peak, 1 = full scale; default 0.3 (-13 dBov). */
  readonly amplitude?: number;
  /** How often it sounds before silence for good; default without end. */
  readonly times?: number;
}

/** Samples of a {@link TonePattern}, one block after the other. */
export class ToneGenerator {
  readonly #pattern: TonePattern;
  readonly #rate: number;
  #position = 0;

  constructor(pattern: TonePattern, sampleRate: number) {
    this.#pattern = pattern;
    this.#rate = sampleRate;
  }

  /** The next `count` samples, 16-bit linear. */
  next(count: number): Int16Array {
    const block = Int16Array.from({ length: count }, (_, index) => this.#sample(this.#position + index));
    this.#position += count;
    return block;
  }

  #sample(position: number): number {
    const { frequency, onMs, offMs, amplitude = 0.3, times = Infinity } = this.#pattern;
    const on = (onMs * this.#rate) / 1000;
    const period = on + (offMs * this.#rate) / 1000;
    if (Math.floor(position / period) >= times || position % period >= on) return 0;
    return Math.round(amplitude * 32_767 * Math.sin((2 * Math.PI * frequency * position) / this.#rate));
  }
}
