/** A-law to µ-law and back, octet by octet (ITU-T G.711 tables 3 and 4): through the linear value, made once. */
export const aLawToMuLaw: Uint8Array = table((octet) => encodeMuLaw(decodeALaw(octet)));
export const muLawToALaw: Uint8Array = table((octet) => encodeALaw(decodeMuLaw(octet)));

function table(convert: (octet: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => convert(octet));
}

/** To 16-bit linear. Even bits are inverted on the line. */
function decodeALaw(octet: number): number {
  const value = octet ^ 0x55;
  const exponent = (value >> 4) & 7;
  const mantissa = ((value & 0x0f) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return value & 0x80 ? magnitude : -magnitude;
}

function encodeALaw(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80;
  const magnitude = Math.min(0x7fff, sample < 0 ? -sample : sample) >> 4;
  const exponent = magnitude < 32 ? magnitude >> 4 : 28 - Math.clz32(magnitude);
  const mantissa = (magnitude >> Math.max(0, exponent - 1)) & 0x0f;
  return ((exponent << 4) | mantissa | sign) ^ 0x55;
}

/** All bits are inverted on the line; 132 is the bias that makes every segment begin at a power of two. */
function decodeMuLaw(octet: number): number {
  const value = ~octet & 0xff;
  const magnitude = ((((value & 0x0f) << 3) + 132) << ((value >> 4) & 7)) - 132;
  return value & 0x80 ? -magnitude : magnitude;
}

function encodeMuLaw(sample: number): number {
  const magnitude = Math.min(32_635, Math.abs(sample)) + 132;
  const exponent = 24 - Math.clz32(magnitude);
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
}
