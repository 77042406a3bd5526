import type { Attribute, Bandwidth, Connection, Line, MediaDescription, SessionDescription } from "./description.ts";
import { SdpError } from "./errors.ts";

/** Lines that stand before c= (RFC 8866 §5); all others without a field stand before a=. */
const early = new Set(["i", "u", "e", "p"]);

/**
 * Writes a session description, lines in the order of RFC 8866 §5, each ended by CRLF. A description that keeps this
 * order comes back from parseSdp and formatSdp as it was.
 *
 * @throws SdpError `sdp-unsafe-text` where a value would begin a line of its own
 */
export function formatSdp(description: SessionDescription): string {
  const { origin, otherLines = [] } = description;
  const lines = [
    "v=0",
    `o=${origin.username} ${origin.sessionId} ${origin.sessionVersion} IN ${origin.addressType} ${origin.address}`,
    `s=${description.name}`,
  ];
  for (const line of otherLines) if (early.has(line.type)) lines.push(`${line.type}=${line.value}`);
  writeConnections(lines, description.connection, otherLines);
  writeBandwidths(lines, description.bandwidths);
  lines.push(`t=${description.timing}`);
  for (const line of otherLines)
    if (!early.has(line.type) && line.type !== "c") lines.push(`${line.type}=${line.value}`);
  writeAttributes(lines, description.attributes);
  for (const media of description.media) writeMedia(lines, media);
  for (const line of lines) if (unsafe(line)) throw new SdpError("sdp-unsafe-text", `In a ${line.charAt(0)}= line.`);
  return `${lines.join("\r\n")}\r\n`;
}

function writeMedia(lines: string[], media: MediaDescription): void {
  const { otherLines = [] } = media;
  const port = media.portCount === undefined ? media.port : `${media.port}/${media.portCount}`;
  lines.push(["m=" + media.type, port, media.protocol, ...media.formats].join(" "));
  if (media.title !== undefined) lines.push(`i=${media.title}`);
  writeConnections(lines, media.connection, otherLines);
  writeBandwidths(lines, media.bandwidths);
  for (const line of otherLines) if (line.type !== "c") lines.push(`${line.type}=${line.value}`);
  writeAttributes(lines, media.attributes);
}

function writeConnections(lines: string[], connection: Connection | undefined, otherLines: readonly Line[]): void {
  if (connection) lines.push(`c=IN ${connection.addressType} ${connection.address}`);
  for (const line of otherLines) if (line.type === "c") lines.push(`c=${line.value}`);
}

function writeBandwidths(lines: string[], bandwidths: readonly Bandwidth[]): void {
  for (const { type, value } of bandwidths) lines.push(`b=${type}:${value}`);
}

function writeAttributes(lines: string[], attributes: readonly Attribute[]): void {
  for (const { name, value } of attributes) lines.push(value === undefined ? `a=${name}` : `a=${name}:${value}`);
}

function unsafe(line: string): boolean {
  return line.includes("\n") || line.includes("\r") || line.includes("\0");
}
