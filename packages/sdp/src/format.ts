import type { Attribute, Bandwidth, Connection, Line, MediaDescription, SessionDescription } from "./description.ts";
import { SdpError } from "./errors.ts";

/** Lines that stand before c= (RFC 8866 §5); all others without a field stand before a=. */
const early = new Set(["i", "u", "e", "p"]);

const end = "\r\n";

/**
 * Writes a session description, lines in the order of RFC 8866 §5, each ended by CRLF. A description that keeps this
 * order comes back from parseSdp and formatSdp as it was.
 *
 * @throws SdpError `sdp/unsafe-text` where a value would begin a line of its own
 * @example
 * ```ts
 * const text = formatSdp({
 *   origin: { username: "-", sessionId: "1", sessionVersion: "1", addressType: "IP4", address: "192.0.2.1" },
 *   name: "-",
 *   connection: { addressType: "IP4", address: "192.0.2.1" },
 *   bandwidths: [],
 *   timing: "0 0",
 *   attributes: [],
 *   media: [{ type: "audio", port: 4000, protocol: "RTP/AVP", formats: ["8"], bandwidths: [], attributes: [] }],
 * });
 * ```
 */
export function formatSdp(description: SessionDescription): string {
  const { origin, otherLines } = description;
  let text =
    `v=0${end}o=${origin.username} ${origin.sessionId} ${origin.sessionVersion} IN ${origin.addressType} ` +
    `${origin.address}${end}s=${description.name}${end}`;
  if (otherLines) for (const line of otherLines) if (early.has(line.type)) text += `${line.type}=${line.value}${end}`;
  text += connectionLines(description.connection, otherLines) + bandwidthLines(description.bandwidths);
  text += `t=${description.timing}${end}`;
  if (otherLines)
    for (const { type, value } of otherLines) if (!early.has(type) && type !== "c") text += `${type}=${value}${end}`;
  text += attributeLines(description.attributes);
  let count = 4 + sectionSize(description);
  for (const media of description.media) {
    text += mediaLines(media);
    count += 1 + sectionSize(media) + (media.title === undefined ? 0 : 1);
  }
  // Each line has one CR, its last but one character, and one LF: any more of them came in with a value.
  if (occurrences(text, "\n") !== count || occurrences(text, "\r") !== count || text.includes("\0"))
    throw new SdpError("sdp/unsafe-text");
  return text;
}

function sectionSize({
  connection,
  bandwidths,
  attributes,
  otherLines,
}: SessionDescription | MediaDescription): number {
  return (connection ? 1 : 0) + bandwidths.length + attributes.length + (otherLines?.length ?? 0);
}

function mediaLines(media: MediaDescription): string {
  const { otherLines, title } = media;
  const count = media.portCount === undefined ? "" : `/${media.portCount}`;
  let text = `m=${media.type} ${media.port}${count} ${media.protocol}`;
  for (const format of media.formats) text += ` ${format}`;
  text += end;
  if (title !== undefined) text += `i=${title}${end}`;
  text += connectionLines(media.connection, otherLines) + bandwidthLines(media.bandwidths);
  if (otherLines) for (const { type, value } of otherLines) if (type !== "c") text += `${type}=${value}${end}`;
  return text + attributeLines(media.attributes);
}

function connectionLines(connection: Connection | undefined, otherLines: readonly Line[] | undefined): string {
  let text = connection ? `c=IN ${connection.addressType} ${connection.address}${end}` : "";
  if (otherLines) for (const { type, value } of otherLines) if (type === "c") text += `c=${value}${end}`;
  return text;
}

function bandwidthLines(bandwidths: readonly Bandwidth[]): string {
  let text = "";
  for (const { type, value } of bandwidths) text += `b=${type}:${value}${end}`;
  return text;
}

function attributeLines(attributes: readonly Attribute[]): string {
  let text = "";
  for (const { name, value } of attributes)
    text += value === undefined ? `a=${name}${end}` : `a=${name}:${value}${end}`;
  return text;
}

function occurrences(text: string, mark: string): number {
  let count = 0;
  for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + 1)) count += 1;
  return count;
}
