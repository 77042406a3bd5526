import type { Attribute, MediaDescription } from "./description.ts";
import { readParameters, ruleOf, sameFormat } from "./formatRules.ts";
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
 * The codecs of an RTP medium in its order of preference. Payload types that nothing explains are left out.
 *
 * @example
 * ```ts
 * const { media } = parseSdp("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n");
 * for (const audio of media) codecsOf(audio); // [{ payloadType: 8, name: "PCMA", clockRate: 8000 }]
 * ```
 */
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

/**
 * The a=rtpmap and a=fmtp lines of these codecs.
 *
 * @example
 * ```ts
 * codecAttributes([{ payloadType: 101, name: "telephone-event", clockRate: 8000, fmtp: "0-15" }]);
 * // a=rtpmap:101 telephone-event/8000, a=fmtp:101 0-15
 * ```
 */
export function codecAttributes(codecs: readonly Codec[]): Attribute[] {
  return codecs.flatMap(({ payloadType, name, clockRate, channels, fmtp }) => {
    const encoding = `${name}/${clockRate}${channels === undefined ? "" : `/${channels}`}`;
    const map = { name: "rtpmap", value: `${payloadType} ${encoding}` };
    return fmtp === undefined ? [map] : [map, { name: "fmtp", value: `${payloadType} ${fmtp}` }];
  });
}

/**
 * Whether packets of one may be sent as the other, payload type aside (RFC 3264 §6.1, RFC 8866 §6.6): name, clock rate
 * and channels are the same, and what of the parameters tells formats of that name apart, such as octet-align of AMR,
 * mode-set where both have one, hf-only of EVS, packetization-mode and the profile of H.264.
 *
 * @example
 * ```ts
 * const amr: Codec = { payloadType: 96, name: "AMR", clockRate: 8000, fmtp: "mode-change-capability=2" };
 * sameCodec(amr, { ...amr, payloadType: 102, fmtp: "octet-align=0" }); // true
 * sameCodec(amr, { ...amr, fmtp: "octet-align=1" }); // false
 * ```
 */
export function sameCodec(a: Codec, b: Codec): boolean {
  if (a.clockRate !== b.clockRate || (a.channels ?? 1) !== (b.channels ?? 1)) return false;
  if (a.name !== b.name && a.name.toLowerCase() !== b.name.toLowerCase()) return false;
  const rule = a.fmtp === b.fmtp ? undefined : ruleOf(a.name);
  return rule === undefined || sameFormat(rule, readParameters(a.fmtp), readParameters(b.fmtp));
}

/** The answer to one offered codec: its payload type and name, parameters of the one among `able` that is the same. */
export function answerFormat(offered: Codec, able: readonly Codec[]): Codec | undefined {
  const own = able.find((codec) => sameCodec(codec, offered));
  if (own === undefined) return undefined;
  const { payloadType, name, clockRate, channels } = offered;
  const answer: Codec = { payloadType, name, clockRate };
  if (channels !== undefined) answer.channels = channels;
  const theirs = readParameters(offered.fmtp);
  const mine = readParameters(own.fmtp);
  const repeated = (ruleOf(name)?.common ?? []).filter((key) => theirs.has(key) && !mine.has(key));
  const parameters = [own.fmtp ?? [], ...repeated.map((key) => `${key}=${theirs.get(key) ?? ""}`)].flat();
  if (parameters.length > 0) answer.fmtp = parameters.join(";");
  return answer;
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
