export type PacketKind = "stun" | "dtls" | "rtp" | "rtcp";

/**
 * What a datagram on a shared port is, by its first octet (RFC 7983 §7), and RTCP by the second (RFC 5761 §4). ZRTP, TURN
 * channels and the rest are undefined: nothing here speaks them.
 */
export function classify(datagram: Buffer): PacketKind | undefined {
  const first = datagram[0] ?? 0xff;
  if (first <= 3) return datagram.length >= 20 ? "stun" : undefined;
  if (first >= 20 && first <= 63) return "dtls";
  if (first >= 128 && first <= 191 && datagram.length >= 8) return isRtcp(datagram) ? "rtcp" : "rtp";
  return undefined;
}

/** RFC 5761 §4: packet types 192 to 223 stand where RTP has marker and payload type. */
function isRtcp(datagram: Buffer): boolean {
  const second = datagram[1] ?? 0;
  return second >= 192 && second <= 223;
}
