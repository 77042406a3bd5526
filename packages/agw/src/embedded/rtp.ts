/** RTP's fixed header (RFC 3550 §5.1). */
export const fixedHeaderLength = 12;

/**
 * Length of an RTP packet's header with CSRCs and extension; undefined if it is no RTP, or the header is longer than the
 * packet.
 */
export function rtpHeaderLength(packet: Buffer): number | undefined {
  const first = packet[0] ?? 0;
  if (packet.length < fixedHeaderLength || first >> 6 !== 2) return undefined;
  let length = fixedHeaderLength + 4 * (first & 0x0f);
  if (first & 0x10) {
    if (packet.length < length + 4) return undefined;
    length += 4 + 4 * packet.readUInt16BE(length + 2);
  }
  return length <= packet.length ? length : undefined;
}

/** What of a received RTP packet matters here. */
export interface RtpPacket {
  readonly marker: boolean;
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly ssrc: number;
  /** Without padding; a view of the datagram. */
  readonly payload: Buffer;
}

/** Reads a packet in clear; undefined if malformed. */
export function readRtp(packet: Buffer): RtpPacket | undefined {
  const headerLength = rtpHeaderLength(packet);
  if (headerLength === undefined) return undefined;
  let end = packet.length;
  // RFC 3550 §5.1: the last octet counts the padding, itself included.
  if ((packet[0] ?? 0) & 0x20) {
    const padding = packet[end - 1] ?? 0;
    if (padding === 0 || headerLength + padding > end) return undefined;
    end -= padding;
  }
  const second = packet[1] ?? 0;
  return {
    marker: second >= 0x80,
    payloadType: second & 0x7f,
    sequence: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    ssrc: packet.readUInt32BE(8),
    payload: packet.subarray(headerLength, end),
  };
}

/** Writes a packet with the fixed header alone: no CSRC, no extension, no padding. */
export function writeRtp({ marker, payloadType, sequence, timestamp, ssrc, payload }: RtpPacket): Buffer {
  const packet = Buffer.allocUnsafe(fixedHeaderLength + payload.length);
  packet[0] = 0x80;
  packet[1] = (marker ? 0x80 : 0) | payloadType;
  packet.writeUInt16BE(sequence, 2);
  packet.writeUInt32BE(timestamp, 4);
  packet.writeUInt32BE(ssrc, 8);
  payload.copy(packet, fixedHeaderLength);
  return packet;
}
