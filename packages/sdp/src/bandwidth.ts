import type { Bandwidth } from "./description.ts";

/** RFC 8866 §5.8: AS and CT in kbit/s; RFC 3890 TIAS, RFC 3556 RS and RR in bit/s. */
const kilobits: ReadonlySet<string> = new Set(["AS", "CT"]);

/**
 * The bandwidth of one type in bit/s, whatever unit its line has; undefined without such a line. AS counts IP and UDP
 * headers, TIAS does not, so that one says nothing about the other.
 *
 * @param owner the session or one of its media
 * @example
 * ```ts
 * const { media } = parseSdp("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\nb=AS:80\r\nb=RS:600\r\n");
 * for (const audio of media) bandwidthOf(audio, "AS"); // 80000
 * ```
 */
export function bandwidthOf(
  owner: { bandwidths: readonly Bandwidth[] },
  type: "AS" | "CT" | "TIAS" | "RS" | "RR",
): number | undefined {
  const line = owner.bandwidths.find((bandwidth) => bandwidth.type === type);
  return line && line.value * (kilobits.has(type) ? 1000 : 1);
}
