import { getAttribute } from "./description.ts";
import type { MediaDescription } from "./description.ts";

/**
 * Whether a medium is refused or removed: its port is 0, and not only because it is to share the port of its BUNDLE
 * group (RFC 3264 §6, §8.2; RFC 9143 §6).
 *
 * @example
 * ```ts
 * isDisabled({ type: "video", port: 0, protocol: "RTP/AVP", formats: ["31"], bandwidths: [], attributes: [] }); // true
 * ```
 */
export function isDisabled(media: MediaDescription): boolean {
  return media.port === 0 && getAttribute(media, "bundle-only") === undefined;
}

/**
 * The m-line that refuses an offered medium (RFC 3264 §6) or ends one that was agreed (§8.2): port 0, the same medium,
 * protocol and formats, its tag and nothing else (RFC 5888 §9.1).
 *
 * @example
 * ```ts
 * const video = { type: "video", port: 5000, protocol: "RTP/AVP", formats: ["31"], bandwidths: [], attributes: [] };
 * refusedMedia(video).port; // 0
 * ```
 */
export function refusedMedia({ type, protocol, formats, attributes }: MediaDescription): MediaDescription {
  const mid = attributes.find(({ name }) => name === "mid");
  return { type, port: 0, protocol, formats: [...formats], bandwidths: [], attributes: mid ? [{ ...mid }] : [] };
}

/**
 * The m-lines of an offer that adds a medium: in place of the first line of port 0, else behind all others, since lines
 * never go away in a session (RFC 3264 §8, §8.1).
 *
 * @param lines those of the description that holds, whoever made it
 * @example
 * ```ts
 * const audio = { type: "audio", port: 4000, protocol: "RTP/AVP", formats: ["8"], bandwidths: [], attributes: [] };
 * addMedia([refusedMedia(audio)], audio); // one line
 * addMedia([audio], audio); // two lines
 * ```
 */
export function addMedia(lines: readonly MediaDescription[], media: MediaDescription): MediaDescription[] {
  const free = lines.findIndex(isDisabled);
  return free === -1 ? [...lines, media] : lines.with(free, media);
}

/**
 * The m-lines of an offer that removes the one at `index`: it stays, with port 0 (RFC 3264 §8.2).
 *
 * @throws RangeError where there is no such line
 * @example
 * ```ts
 * const audio = { type: "audio", port: 4000, protocol: "RTP/AVP", formats: ["8"], bandwidths: [], attributes: [] };
 * removeMedia([audio], 0)[0]?.port; // 0
 * ```
 */
export function removeMedia(lines: readonly MediaDescription[], index: number): MediaDescription[] {
  const media = lines[index];
  if (media === undefined) throw new RangeError(`There is no m-line ${index}.`);
  return lines.with(index, refusedMedia(media));
}
