import { getAttribute, getAttributes } from "./description.ts";
import type { Attribute, MediaDescription, SessionDescription } from "./description.ts";
import { words } from "./numbers.ts";

/**
 * The identification tag of a media section (RFC 5888 §4).
 *
 * @example
 * ```ts
 * const { media } = parseSdp("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\na=mid:0\r\n");
 * for (const section of media) midOf(section); // "0"
 * ```
 */
export function midOf(media: MediaDescription): string | undefined {
  return getAttribute(media, "mid");
}

/**
 * The tags of the first BUNDLE group (RFC 9143 §4), or none.
 *
 * @example
 * ```ts
 * const session = parseSdp("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n");
 * bundleOf(session); // ["0", "1"]
 * ```
 */
export function bundleOf(session: SessionDescription): string[] {
  for (const group of getAttributes(session, "group")) {
    const [semantics, ...mids] = words(group);
    if (semantics === "BUNDLE") return mids;
  }
  return [];
}

/**
 * The a=group line that answers an offered BUNDLE group (RFC 9143 §7.3): of its tags those of accepted media, in its
 * order; undefined where none is left, and then the answer has no group.
 *
 * @param offered the tags of the offer, see {@link bundleOf}
 * @param accepted the tags of the media that the answer does not refuse
 * @example
 * ```ts
 * bundleAnswer(["0", "1", "2"], ["2", "0"]); // { name: "group", value: "BUNDLE 0 2" }
 * ```
 */
export function bundleAnswer(offered: readonly string[], accepted: readonly string[]): Attribute | undefined {
  const tags = new Set(accepted);
  const kept = offered.filter((mid) => tags.has(mid));
  return kept.length === 0 ? undefined : { name: "group", value: `BUNDLE ${kept.join(" ")}` };
}
