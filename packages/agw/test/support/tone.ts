/** Samples of a sine, at half of full scale. */
export function tone(hertz: number, rate: number, samples: number, from = 0): Int16Array {
  return Int16Array.from({ length: samples }, (_, at) =>
    Math.round(16_000 * Math.sin((2 * Math.PI * hertz * (from + at)) / rate)),
  );
}

/** Share of the signal's power at one frequency, 0 to 1 (Goertzel). */
export function toneShare(samples: ArrayLike<number>, hertz: number, rate: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * hertz) / rate);
  let [one, two, power] = [0, 0, 0];
  const { length } = samples;
  for (let at = 0; at < length; at++) {
    const sample = samples[at] ?? 0;
    power += sample * sample;
    [one, two] = [sample + coefficient * one - two, one];
  }
  if (power === 0) return 0;
  return (2 * (one * one + two * two - coefficient * one * two)) / (length * power);
}

/** A WAV file: 16 bits, mono. */
export function wav(samples: Int16Array, rate: number): Buffer {
  const header = Buffer.alloc(44);
  header.write("RIFF");
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}
