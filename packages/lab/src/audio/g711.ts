/** G.711 (ITU-T G.711): 8000 samples a second, one octet a sample. */
export type G711 = "PCMA" | "PCMU";

const muLawBias = 0x84;
const muLawClip = 32_635;

function encodeALaw(sample: number): number {
  let mask = 0xd5;
  let value = sample;
  if (value < 0) {
    mask = 0x55;
    value = -value - 1;
  }
  // 13 bits of magnitude in eight segments
  value = Math.min(value, 32_767) >> 3;
  if (value < 32) return (value >> 1) ^ mask;
  const segment = 31 - Math.clz32(value) - 4;
  return ((segment << 4) | ((value >> segment) & 0x0f)) ^ mask;
}

function decodeALaw(octet: number): number {
  const code = octet ^ 0x55;
  const segment = (code & 0x70) >> 4;
  let value = ((code & 0x0f) << 4) + 8;
  if (segment > 0) value = (value + 0x100) << (segment - 1);
  return (code & 0x80) === 0 ? -value : value;
}

function encodeMuLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const value = Math.min(Math.abs(sample), muLawClip) + muLawBias;
  const segment = 24 - Math.clz32(value);
  return ~(sign | (segment << 4) | ((value >> (segment + 3)) & 0x0f)) & 0xff;
}

function decodeMuLaw(octet: number): number {
  const code = ~octet & 0xff;
  const value = ((((code & 0x0f) << 3) + muLawBias) << ((code & 0x70) >> 4)) - muLawBias;
  return (code & 0x80) === 0 ? value : -value;
}

function table(decode: (octet: number) => number): Int16Array {
  return Int16Array.from({ length: 256 }, (_, octet) => decode(octet));
}

const decoders: Record<G711, Int16Array> = { PCMA: table(decodeALaw), PCMU: table(decodeMuLaw) };

/** Linear 16-bit samples to G.711 octets. */
export function encodeG711(law: G711, samples: Int16Array): Uint8Array {
  const encode = law === "PCMA" ? encodeALaw : encodeMuLaw;
  return Uint8Array.from(samples, encode);
}

/** G.711 octets to linear 16-bit samples. */
export function decodeG711(law: G711, payload: Uint8Array): Int16Array {
  const decoder = decoders[law];
  return Int16Array.from(payload, (octet) => decoder[octet] ?? 0);
}
