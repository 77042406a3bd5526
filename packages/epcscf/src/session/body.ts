import { octets, type Body, type SipMessage } from "@portico/sip";

/** Content type of every session description here. */
const sdpType = "application/sdp";

export const sdpBody = (text: string): Body => ({ type: sdpType, text });

/** The session description a message carries, alone or as a part of a multipart body, or undefined. */
export function sdpOf(message: SipMessage): string | undefined {
  const type = message.get("Content-Type") ?? "";
  if (message.body === "") return undefined;
  if (isType(type, sdpType)) return message.body;
  const boundary = /^multipart\/[^;]+;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(type);
  return boundary === null ? undefined : partOf(message.body, boundary[1] ?? boundary[2] ?? "");
}

/** True for a body in which no session description can be seen: encrypted, opaque or of another kind (SDP-16). */
export function isOpaque(message: SipMessage): boolean {
  return message.body !== "" && sdpOf(message) === undefined;
}

/** A body as text, for a message of another leg. */
export function textBody(message: SipMessage): { body?: Body } {
  const type = message.get("Content-Type");
  return type === undefined || message.body === "" ? {} : { body: { type, text: octets.toText(message.body) } };
}

/** RFC 2046 §5.1.1 */
function partOf(body: string, boundary: string): string | undefined {
  for (const part of `\r\n${body}`.split(`\r\n--${boundary}`).slice(1)) {
    if (part.startsWith("--")) return undefined;
    const end = part.indexOf("\r\n\r\n");
    const type = /\r\ncontent-type:[ \t]*([^\r\n]*)/i.exec(part.slice(0, end))?.[1] ?? "";
    if (end >= 0 && isType(type, sdpType)) return `${part.slice(end + 4)}\r\n`;
  }
  return undefined;
}

function isType(value: string, type: string): boolean {
  return (value.split(";", 1)[0] ?? "").trim().toLowerCase() === type;
}
