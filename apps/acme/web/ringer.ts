/** What sounds while a call rings. */
export type Sound = "ring" | "ringback" | "none";

/** A sound's course: seconds on and off in turn, and the two frequencies in hertz that sound together. */
interface Cadence {
  readonly frequencies: readonly [number, number];
  readonly level: number;
  /** [on, off, on, off, ...] in seconds; repeated. */
  readonly pattern: readonly number[];
}

const cadences: Record<Exclude<Sound, "none">, Cadence> = {
  ring: { frequencies: [784, 988], level: 0.16, pattern: [0.35, 0.15, 0.35, 1.9] },
  // North American ringback: 440 + 480 Hz, 2 s on, 4 s off (ITU-T E.180).
  ringback: { frequencies: [440, 480], level: 0.05, pattern: [2, 4] },
};

/** Sounds made in the page: no file, and no sound before the user has touched the page once, as browsers demand. */
export class Ringer {
  #context: AudioContext | undefined;
  #sound: Sound = "none";
  #stop: () => void = () => undefined;

  constructor() {
    const wake = (): void => void this.#wake();
    addEventListener("pointerdown", wake);
    addEventListener("keydown", wake);
  }

  /** False when the browser keeps the page silent until the user touches it. */
  get audible(): boolean {
    return this.#context?.state === "running";
  }

  play(sound: Sound): void {
    if (sound === this.#sound) return;
    this.#stop();
    this.#stop = () => undefined;
    this.#sound = sound;
    if (sound === "none") return;
    this.#stop = sound === "ring" ? this.#alone(() => this.#start(cadences.ring)) : this.#start(cadences.ringback);
  }

  async #wake(): Promise<void> {
    this.#context ??= new AudioContext();
    if (this.#context.state === "suspended") await this.#context.resume().catch(() => undefined);
  }

  /** Of several tabs one rings. */
  #alone(start: () => () => void): () => void {
    const over = Promise.withResolvers<void>();
    let stop: (() => void) | undefined;
    let ended = false;
    void navigator.locks.request("acme-ring", async () => {
      if (ended) return;
      stop = start();
      await over.promise;
    });
    return () => {
      ended = true;
      stop?.();
      over.resolve();
    };
  }

  /** Schedules a few seconds ahead, again and again, so that a throttled tab keeps its rhythm. */
  #start({ frequencies, level, pattern }: Cadence): () => void {
    void this.#wake();
    const context = this.#context;
    if (context === undefined) return () => undefined;
    const gain = new GainNode(context, { gain: 0 });
    gain.connect(context.destination);
    const tones = frequencies.map((frequency) => new OscillatorNode(context, { frequency }));
    for (const tone of tones) {
      tone.connect(gain);
      tone.start();
    }
    let at = context.currentTime + 0.05;
    const plan = (): void => {
      while (at < context.currentTime + 10) {
        for (const [index, seconds] of pattern.entries()) {
          if (index % 2 === 0) {
            // Ramps of 20 ms: no clicks.
            gain.gain.setTargetAtTime(level, at, 0.02);
            gain.gain.setTargetAtTime(0, at + seconds - 0.04, 0.02);
          }
          at += seconds;
        }
      }
    };
    plan();
    const timer = setInterval(plan, 3000);
    return () => {
      clearInterval(timer);
      for (const tone of tones) tone.stop();
      gain.disconnect();
    };
  }
}
