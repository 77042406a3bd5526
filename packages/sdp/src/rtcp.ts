import { getAttribute } from "./description.ts";
import type { MediaDescription } from "./description.ts";
import { readNumber, words } from "./numbers.ts";

/**
 * The port RTCP goes to: that of RTP with a=rtcp-mux (RFC 5761), else that of a=rtcp (RFC 3605), else the next one.
 *
 * @example
 * ```ts
 * const audio = { type: "audio", port: 4000, protocol: "RTP/AVP", formats: ["8"], bandwidths: [], attributes: [] };
 * rtcpPortOf(audio); // 4001
 * ```
 */
export function rtcpPortOf(media: MediaDescription): number {
  if (getAttribute(media, "rtcp-mux") !== undefined) return media.port;
  const written = readNumber(words(getAttribute(media, "rtcp") ?? "")[0], 65_535);
  return written ?? Math.min(media.port + 1, 65_535);
}
