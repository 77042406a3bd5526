import type { Attribute, MediaDescription } from "./description.ts";
import { readNumber } from "./numbers.ts";

/** An RTP payload format under the payload type of one description. */
export interface Codec {
  /** 0 to 127 */
  payloadType: number;
  /** Encoding name as written: compare by sameCodec. */
  name: string;
  /** Hz of the RTP clock */
  clockRate: number;
  /** Only where written; 1 is meant otherwise. */
  channels?: number;
  /** Parameters of a=fmtp, as written. */
  fmtp?: string;
}

/** RFC 3551 §6: payload types that need no a=rtpmap. G722's clock is 8000 by an old mistake (§4.5.2). */
const staticCodecs = new Map<string, Omit<Codec, "fmtp">>([
  ["0", { payloadType: 0, name: "PCMU", clockRate: 8000 }],
  ["8", { payloadType: 8, name: "PCMA", clockRate: 8000 }],
  ["9", { payloadType: 9, name: "G722", clockRate: 8000 }],
  ["13", { payloadType: 13, name: "CN", clockRate: 8000 }],
  ["18", { payloadType: 18, name: "G729", clockRate: 8000 }],
]);

/**
 * Parameters that make another format of the same name, with their defaults: RFC 4867 §8.1 (AMR, AMR-WB), RFC 6184
 * §8.1 (H264), RFC 9628 §7 (VP9), RFC 3952 §3 (iLBC).
 */
const amr = { "octet-align": "0", crc: "0", "robust-sorting": "0", interleaving: "" };
const distinguishing = new Map<string, Readonly<Record<string, string>>>([
  ["amr", amr],
  ["amr-wb", amr],
  ["h264", { "packetization-mode": "0", "profile-level-id": "42000a" }],
  ["vp9", { "profile-id": "0" }],
  ["ilbc", { mode: "30" }],
]);

/** The codecs of an RTP medium in its order of preference. Payload types that nothing explains are left out. */
export function codecsOf(media: MediaDescription): Codec[] {
  if (!media.protocol.includes("RTP/")) return [];
  const maps = new Map<string, string>();
  const parameters = new Map<string, string>();
  for (const { name, value = "" } of media.attributes) {
    const target = name === "rtpmap" ? maps : name === "fmtp" ? parameters : undefined;
    const blank = value.indexOf(" ");
    if (target && blank > 0 && !target.has(value.slice(0, blank)))
      target.set(value.slice(0, blank), value.slice(blank + 1).trim());
  }
  const codecs: Codec[] = [];
  for (const format of new Set(media.formats)) {
    const map = maps.get(format);
    const codec = map === undefined ? staticCodecs.get(format) : readMap(format, map);
    const fmtp = parameters.get(format);
    if (codec) codecs.push(fmtp === undefined ? { ...codec } : { ...codec, fmtp });
  }
  return codecs;
}

/** The a=rtpmap and a=fmtp lines of these codecs. */
export function codecAttributes(codecs: readonly Codec[]): Attribute[] {
  return codecs.flatMap(({ payloadType, name, clockRate, channels, fmtp }) => {
    const encoding = `${name}/${clockRate}${channels === undefined ? "" : `/${channels}`}`;
    const map = { name: "rtpmap", value: `${payloadType} ${encoding}` };
    return fmtp === undefined ? [map] : [map, { name: "fmtp", value: `${payloadType} ${fmtp}` }];
  });
}

/** Whether packets of one may be sent as the other, payload type aside (RFC 3264 §6.1, RFC 8866 §6.6). */
export function sameCodec(a: Codec, b: Codec): boolean {
  const name = a.name.toLowerCase();
  if (name !== b.name.toLowerCase() || a.clockRate !== b.clockRate || (a.channels ?? 1) !== (b.channels ?? 1))
    return false;
  const defaults = distinguishing.get(name);
  if (!defaults || a.fmtp === b.fmtp) return true;
  const [left, right] = [readParameters(a.fmtp), readParameters(b.fmtp)];
  return Object.entries(defaults).every(([key, usual]) => {
    const [mine, theirs] = [left.get(key) ?? usual, right.get(key) ?? usual];
    // RFC 6184 §8.2.2: the level, last two digits of profile-level-id, may differ.
    return key === "profile-level-id" ? mine.slice(0, 4) === theirs.slice(0, 4) : mine === theirs;
  });
}

function readMap(format: string, text: string): Codec | undefined {
  const [name, clock, channelText] = text.split("/");
  const payloadType = readNumber(format, 127);
  const clockRate = readNumber(clock, 1_000_000);
  if (payloadType === undefined || !name || !clockRate) return undefined;
  const codec = { payloadType, name, clockRate };
  const channels = readNumber(channelText, 255);
  return channels ? { ...codec, channels } : codec;
}

function readParameters(fmtp: string | undefined): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of fmtp?.split(";") ?? []) {
    const equals = part.indexOf("=");
    if (equals > 0)
      parameters.set(
        part.slice(0, equals).trim().toLowerCase(),
        part
          .slice(equals + 1)
          .trim()
          .toLowerCase(),
      );
  }
  return parameters;
}
