import type {
  Attribute,
  Bandwidth,
  Connection,
  Line,
  MediaDescription,
  Origin,
  SessionDescription,
} from "./description.ts";
import { SdpError } from "./errors.ts";
import { isDigits, readNumber, words } from "./numbers.ts";

const maxSize = 32 * 1024;
const maxMedia = 64;

const equalsSign = 0x3d;

/** What session and media sections have in common. */
interface Section {
  connection?: Connection;
  bandwidths: Bandwidth[];
  attributes: Attribute[];
  otherLines?: Line[];
}

/**
 * Reads a session description of at most 32 KiB and 64 m-lines. Lines may end in CRLF or LF. A missing s= or t= line is
 * forgiven, as gateways forget them; the order of lines within a section is not judged. The cost grows with the length
 * alone, whatever stands in it.
 *
 * @throws SdpError `sdp/too-large`, `sdp/too-many-media`, `sdp/version`, `sdp/syntax`
 * @example
 * ```ts
 * const offer = parseSdp("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n");
 * offer.media[0]?.formats; // ["8"]
 * ```
 */
export function parseSdp(text: string): SessionDescription {
  if (text.length > maxSize) throw new SdpError("sdp/too-large");
  const media: MediaDescription[] = [];
  const session: Section = { bandwidths: [], attributes: [] };
  let origin: Origin | undefined;
  let name: string | undefined;
  let timing: string | undefined;
  let section = session;

  // Where the next of each stands, looked up once for all lines before it: no search ever runs over a place twice.
  const nul = indexOrEnd(text, "\0", 0);
  let carriageReturn = indexOrEnd(text, "\r", 0);
  let colon = indexOrEnd(text, ":", 0);

  let number = 0;
  for (let start = 0; start < text.length;) {
    const feed = indexOrEnd(text, "\n", start);
    if (carriageReturn < start) carriageReturn = indexOrEnd(text, "\r", start);
    const end = carriageReturn + 1 === feed ? carriageReturn : feed;
    const from = start;
    start = feed + 1;
    number += 1;
    if (from === end) continue;
    if (carriageReturn < end || nul < end || text.charCodeAt(from + 1) !== equalsSign)
      refuse(number, text.charAt(from));
    const type = text.charAt(from);
    if (number === 1) {
      if (text.slice(from, end).trimEnd() !== "v=0") throw new SdpError("sdp/version");
      continue;
    }
    if (type === "a") {
      if (colon < from) colon = indexOrEnd(text, ":", from);
      section.attributes.push(
        colon < end
          ? { name: text.slice(from + 2, colon), value: text.slice(colon + 1, end) }
          : { name: text.slice(from + 2, end) },
      );
      continue;
    }
    const value = text.slice(from + 2, end);
    switch (type) {
      case "m": {
        if (media.length === maxMedia) throw new SdpError("sdp/too-many-media");
        const opened = readMedia(value) ?? refuse(number, type);
        media.push(opened);
        section = opened;
        break;
      }
      case "c": {
        const connection = readConnection(value) ?? refuse(number, type);
        if (section.connection) keep(section, type, value);
        else section.connection = connection;
        break;
      }
      case "b":
        section.bandwidths.push(readBandwidth(value) ?? refuse(number, type));
        break;
      case "o":
        if (origin || section !== session) refuse(number, type);
        origin = readOrigin(value) ?? refuse(number, type);
        break;
      case "s":
        if (name !== undefined || section !== session) refuse(number, type);
        name = value;
        break;
      case "t":
        if (section !== session) refuse(number, type);
        if (timing === undefined) timing = value;
        else keep(section, type, value);
        break;
      case "v":
        refuse(number, type);
      default: {
        const current = media.at(-1);
        if (type === "i" && current && current.title === undefined) current.title = value;
        else keep(section, type, value);
      }
    }
  }
  if (number === 0) throw new SdpError("sdp/version");
  if (!origin) throw new SdpError("sdp/syntax", "no o= line");
  return { origin, name: name ?? "-", timing: timing ?? "0 0", ...session, media };
}

function indexOrEnd(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at === -1 ? text.length : at;
}

function refuse(number: number, type: string): never {
  throw new SdpError("sdp/syntax", `line ${number}, type ${JSON.stringify(type)}`);
}

function keep(section: Section, type: string, value: string): void {
  (section.otherLines ??= []).push({ type, value });
}

function readMedia(text: string): MediaDescription | undefined {
  const [type, portText, protocol, ...formats] = words(text);
  if (type === undefined || portText === undefined || protocol === undefined) return undefined;
  const slash = portText.indexOf("/");
  const port = readNumber(slash === -1 ? portText : portText.slice(0, slash), 65_535);
  // RFC 3264 §6: a refused medium still lists a format, but some answers leave it out.
  if (port === undefined || (formats.length === 0 && port !== 0)) return undefined;
  const media: MediaDescription = { type, port, protocol, formats, bandwidths: [], attributes: [] };
  if (slash !== -1) {
    const count = readNumber(portText.slice(slash + 1), 65_535);
    if (count === undefined || count === 0) return undefined;
    media.portCount = count;
  }
  return media;
}

function readConnection(text: string): Connection | undefined {
  const [network, addressType, address, ...rest] = words(text);
  if (network !== "IN" || address === undefined || rest.length > 0) return undefined;
  return addressType === "IP4" || addressType === "IP6" ? { addressType, address } : undefined;
}

function readOrigin(text: string): Origin | undefined {
  const [username, sessionId, sessionVersion, ...place] = words(text);
  const at = readConnection(place.join(" "));
  if (username === undefined || sessionId === undefined || sessionVersion === undefined || !at) return undefined;
  if (!isDigits(sessionId) || !isDigits(sessionVersion)) return undefined;
  return { username, sessionId, sessionVersion, ...at };
}

function readBandwidth(text: string): Bandwidth | undefined {
  const colon = text.indexOf(":");
  const value = readNumber(text.slice(colon + 1).trim(), Number.MAX_SAFE_INTEGER);
  return colon < 1 || value === undefined ? undefined : { type: text.slice(0, colon), value };
}
