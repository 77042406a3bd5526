/** An RTP packet without header extension on the way out (RFC 3550 §5.1). */
export interface RtpPacket {
  readonly marker: boolean;
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
}

/** @returns undefined for anything that is not an RTP packet of version 2 */
export function parseRtp(octets: Uint8Array): RtpPacket | undefined {
  if (octets.length < 12) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const first = view.getUint8(0);
  if (first >> 6 !== 2) return undefined;
  let start = 12 + 4 * (first & 0x0f);
  if ((first & 0x10) !== 0) {
    if (start + 4 > octets.length) return undefined;
    start += 4 + 4 * view.getUint16(start + 2);
  }
  const padding = (first & 0x20) === 0 ? 0 : view.getUint8(octets.length - 1);
  if (start + padding > octets.length) return undefined;
  const second = view.getUint8(1);
  return {
    marker: (second & 0x80) !== 0,
    payloadType: second & 0x7f,
    sequence: view.getUint16(2),
    timestamp: view.getUint32(4),
    ssrc: view.getUint32(8),
    payload: octets.subarray(start, octets.length - padding),
  };
}

/** The packet's octets. Sequence and timestamp are taken modulo their sizes. */
export function formatRtp(packet: RtpPacket): Uint8Array {
  const octets = new Uint8Array(12 + packet.payload.length);
  const view = new DataView(octets.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, (packet.marker ? 0x80 : 0) | packet.payloadType);
  view.setUint16(2, packet.sequence & 0xffff);
  view.setUint32(4, packet.timestamp >>> 0);
  view.setUint32(8, packet.ssrc >>> 0);
  octets.set(packet.payload, 12);
  return octets;
}
