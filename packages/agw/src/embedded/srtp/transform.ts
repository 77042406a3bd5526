/**
 * How one direction of SRTP and SRTCP is encrypted and authenticated. Packets and indices are its callers' business: see
 * SrtpSender and SrtpReceiver.
 */
export interface SrtpTransform {
  /**
   * @param packet RTP header and payload
   * @param headerLength octets that stay in clear
   * @param index 48-bit packet index
   * @returns the SRTP packet
   */
  protect(packet: Buffer, headerLength: number, index: number): Buffer;
  /** @returns the RTP packet; undefined when it is not authentic */
  unprotect(packet: Buffer, headerLength: number, index: number): Buffer | undefined;
  /** @param index 31-bit SRTCP index */
  protectRtcp(packet: Buffer, index: number): Buffer;
  /** @returns index and RTCP packet; undefined when it is malformed or not authentic */
  unprotectRtcp(packet: Buffer): { readonly index: number; readonly packet: Buffer } | undefined;
}

/** Octets of an RTCP packet that SRTCP leaves in clear: header and SSRC of its first part (RFC 3711 §3.4). */
export const rtcpHeaderLength = 8;

/** The E flag before the 31-bit index (RFC 3711 §3.4). */
export const rtcpEncrypted = 0x8000_0000;
