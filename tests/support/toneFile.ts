/** A tone switched on and off, as a browser's microphone: 16-bit mono WAV of 48 kHz. */
export interface TonePattern {
  /** Hz. */
  readonly frequency: number;
  /** Milliseconds. */
  readonly on: number;
  readonly off: number;
}

const rate = 48_000;

/** One period of the pattern, which Chromium repeats for ever. */
export function toneWav({ frequency, on, off }: TonePattern): Buffer {
  const samples = Math.round(((on + off) / 1000) * rate);
  const sounding = Math.round((on / 1000) * rate);
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write("RIFF", 0, "latin1");
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write("WAVEfmt ", 8, "latin1");
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write("data", 36, "latin1");
  wav.writeUInt32LE(samples * 2, 40);
  for (let at = 0; at < sounding; at += 1) {
    wav.writeInt16LE(Math.round(Math.sin((2 * Math.PI * frequency * at) / rate) * 16_000), 44 + at * 2);
  }
  return wav;
}
