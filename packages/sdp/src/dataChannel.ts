import { getAttribute } from "./description.ts";
import type { Attribute, MediaDescription } from "./description.ts";
import { readNumber } from "./numbers.ts";

/** What one side says of an SCTP association for data channels (RFC 8841 §5, §6). */
export interface DataChannelMedia {
  /** a=sctp-port */
  sctpPort: number;
  /** Octets that this side takes in one message; 0 for any number. */
  maxMessageSize: number;
  /** Channels agreed by SDP, in the order of their a=dcmap lines; others may open in band (RFC 8832). */
  channels: DataChannel[];
}

/**
 * A data channel negotiated by a=dcmap and a=dcsa (RFC 8864 §5).
 *
 * @example
 * const chat: DataChannel = { id: 0, label: "chat", subprotocol: "msrp", ordered: true, priority: 256, attributes: [] };
 */
export interface DataChannel {
  /** SCTP stream, 0 to 65534 */
  id: number;
  label: string;
  /** "msrp", "t140", "bfcp" … as written; "" for none. */
  subprotocol: string;
  ordered: boolean;
  /** Retransmissions before a message is given up. */
  maxRetransmits?: number;
  /** Milliseconds before a message is given up. */
  maxTime?: number;
  /** 0 to 65535; 256 is normal. */
  priority: number;
  /** What its a=dcsa lines say, such as the path of MSRP: read them as those of a medium. */
  attributes: Attribute[];
}

const protocols: ReadonlySet<string> = new Set(["UDP/DTLS/SCTP", "TCP/DTLS/SCTP"]);

/** RFC 8841 §6.1: without a=max-message-size a message has at most 64 KiB. */
const usualMessageSize = 65_536;

/**
 * Reads an m-line of data channels; undefined for any other medium, and without the a=sctp-port that it needs.
 * Malformed a=dcmap lines, and a=dcsa lines of no channel, are passed over.
 *
 * @example
 * ```ts
 * const lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel"];
 * lines.push("a=sctp-port:5000", 'a=dcmap:2 label="chat";subprotocol="msrp"', "a=dcsa:2 accept-types:text/plain");
 * const [channel] = parseSdp(lines.join("\r\n")).media.flatMap((media) => dataChannelOf(media)?.channels ?? []);
 * channel?.subprotocol; // "msrp"
 * ```
 */
export function dataChannelOf(media: MediaDescription): DataChannelMedia | undefined {
  if (!protocols.has(media.protocol) || media.formats[0] !== "webrtc-datachannel") return undefined;
  const sctpPort = readNumber(getAttribute(media, "sctp-port"), 65_535);
  if (!sctpPort) return undefined;
  const maxMessageSize = readNumber(getAttribute(media, "max-message-size"), Number.MAX_SAFE_INTEGER);
  const channels = new Map<number, DataChannel>();
  for (const { name, value = "" } of media.attributes) {
    const channel = name === "dcmap" ? readMap(value) : undefined;
    if (channel && !channels.has(channel.id)) channels.set(channel.id, channel);
  }
  for (const { name, value = "" } of media.attributes) {
    const blank = value.indexOf(" ");
    if (name !== "dcsa" || blank < 1) continue;
    const colon = value.indexOf(":", blank);
    const channel = channels.get(readNumber(value.slice(0, blank), 65_534) ?? -1);
    channel?.attributes.push(
      colon === -1
        ? { name: value.slice(blank + 1) }
        : { name: value.slice(blank + 1, colon), value: value.slice(colon + 1) },
    );
  }
  return { sctpPort, maxMessageSize: maxMessageSize ?? usualMessageSize, channels: [...channels.values()] };
}

function readMap(text: string): DataChannel | undefined {
  const blank = text.indexOf(" ");
  const id = readNumber(blank === -1 ? text : text.slice(0, blank), 65_534);
  const options = readOptions(blank === -1 ? "" : text.slice(blank + 1));
  if (id === undefined || options === undefined) return undefined;
  const channel: DataChannel = {
    id,
    label: options.get("label") ?? "",
    subprotocol: options.get("subprotocol") ?? "",
    ordered: options.get("ordered") !== "false",
    priority: readNumber(options.get("priority"), 65_535) ?? 256,
    attributes: [],
  };
  const maxRetransmits = readNumber(options.get("max-retr"), 0xffff_ffff);
  const maxTime = readNumber(options.get("max-time"), 0xffff_ffff);
  // RFC 8864 §5.1.1: never both, and then neither can be believed.
  if (maxRetransmits !== undefined && maxTime !== undefined) return undefined;
  if (maxRetransmits !== undefined) channel.maxRetransmits = maxRetransmits;
  if (maxTime !== undefined) channel.maxTime = maxTime;
  return channel;
}

/** RFC 8864 §5.1.1: options stand between semicolons; text stands in quotes, with "%" and its like as %25. */
function readOptions(text: string): Map<string, string> | undefined {
  const options = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const equals = text.indexOf("=", at);
    if (equals === -1) return undefined;
    const name = text.slice(at, equals).trim();
    const quoted = text[equals + 1] === '"';
    const close = quoted ? text.indexOf('"', equals + 2) : -1;
    if (quoted && close === -1) return undefined;
    const semicolon = text.indexOf(";", quoted ? close : equals);
    const end = semicolon === -1 ? text.length : semicolon;
    options.set(name, quoted ? unescape(text.slice(equals + 2, close)) : text.slice(equals + 1, end).trim());
    at = end + 1;
  }
  return options;
}

function unescape(text: string): string {
  try {
    return text.includes("%") ? decodeURIComponent(text) : text;
  } catch {
    return text;
  }
}
