/** A 16-bit mono WAV file. */
export function formatWav(samples: Int16Array, rate: number): Buffer {
  const header = Buffer.alloc(44);
  const octets = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + octets.length, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(octets.length, 40);
  return Buffer.concat([header, octets]);
}

/** The samples of a 16-bit mono WAV file that may still be written to: its length field is not believed. */
export function samplesOfWav(file: Buffer): { readonly rate: number; readonly samples: Int16Array } {
  const data = file.indexOf("data", 12, "latin1");
  if (data === -1 || file.length < data + 8) return { rate: 8000, samples: new Int16Array() };
  const octets = file.subarray(data + 8);
  const samples = Int16Array.from({ length: octets.length >> 1 }, (_, index) => octets.readInt16LE(index * 2));
  return { rate: file.readUInt32LE(24), samples };
}
