/** G.711 for tests: one 16-bit sample from and to one octet (ITU-T G.711). */
export interface G711 {
  readonly name: "PCMA" | "PCMU";
  readonly payloadType: 0 | 8;
  encode(sample: number): number;
  decode(octet: number): number;
}

export const pcma: G711 = {
  name: "PCMA",
  payloadType: 8,
  encode: (sample) => {
    const negative = sample < 0;
    const magnitude = Math.min(0x7fff, negative ? -sample - 1 : sample) >> 4;
    const exponent = magnitude < 32 ? (magnitude < 16 ? 0 : 1) : 28 - Math.clz32(magnitude);
    const mantissa = exponent < 2 ? magnitude & 0x0f : (magnitude >> (exponent - 1)) & 0x0f;
    return ((exponent << 4) | mantissa | (negative ? 0 : 0x80)) ^ 0x55;
  },
  decode: (octet) => {
    const value = octet ^ 0x55;
    const exponent = (value >> 4) & 7;
    const mantissa = ((value & 0x0f) << 4) + 8;
    const magnitude = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
    return value & 0x80 ? magnitude : -magnitude;
  },
};

export const pcmu: G711 = {
  name: "PCMU",
  payloadType: 0,
  encode: (sample) => {
    const magnitude = Math.min(0x7f7b, Math.abs(sample)) + 0x84;
    const exponent = 24 - Math.clz32(magnitude);
    const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff;
  },
  decode: (octet) => {
    const value = ~octet & 0xff;
    const magnitude = ((((value & 0x0f) << 3) + 0x84) << ((value >> 4) & 7)) - 0x84;
    return value & 0x80 ? -magnitude : magnitude;
  },
};
