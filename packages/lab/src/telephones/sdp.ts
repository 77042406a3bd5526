import { addressOf, codecAttributes, codecsOf, directionOf, formatSdp, intersect } from "@portico/sdp";
import type { Codec, Direction, MediaDescription, SessionDescription } from "@portico/sdp";
import type { G711 } from "../audio/g711.ts";
import type { MediaAgreement } from "../rtp/callMedia.ts";

/** What a telephone's descriptions say about itself. */
export interface LocalMedia {
  readonly address: string;
  readonly port: number;
  /** Constant in a call; the version counts up with every change (RFC 8866 §5.2). */
  readonly sessionId: string;
  readonly version: number;
}

const aLaw: Codec = { payloadType: 8, name: "PCMA", clockRate: 8000 };
const muLaw: Codec = { payloadType: 0, name: "PCMU", clockRate: 8000 };
const events: Codec = { payloadType: 101, name: "telephone-event", clockRate: 8000, fmtp: "0-15" };

function isEvents(codec: Codec): boolean {
  return codec.name.toLowerCase() === "telephone-event" && codec.clockRate === 8000;
}

/** A-law where offered, else µ-law: what European and American exchanges speak. */
function preferred(codecs: readonly Codec[]): Codec | undefined {
  const named = (name: string): Codec | undefined => codecs.find((codec) => codec.name.toUpperCase() === name);
  return named("PCMA") ?? named("PCMU");
}

function describe(local: LocalMedia, media: MediaDescription[]): string {
  const addressType = local.address.includes(":") ? "IP6" : "IP4";
  const description: SessionDescription = {
    origin: {
      username: "lab",
      sessionId: local.sessionId,
      sessionVersion: String(local.version),
      addressType,
      address: local.address,
    },
    name: "-",
    connection: { addressType, address: local.address },
    bandwidths: [],
    timing: "0 0",
    attributes: [],
    media,
  };
  return formatSdp(description);
}

function audio(port: number, codecs: readonly Codec[], direction: Direction): MediaDescription {
  const attributes = [...codecAttributes(codecs), { name: "ptime", value: "20" }, { name: direction }];
  const formats = codecs.map(({ payloadType }) => String(payloadType));
  return { type: "audio", port, protocol: "RTP/AVP", formats, bandwidths: [], attributes };
}

/** A telephone's offer. */
export function offerOf(local: LocalMedia, direction: Direction): string {
  return describe(local, [audio(local.port, [aLaw, muLaw, events], direction)]);
}

/**
 * A telephone's answer: the first audio medium in G.711, every other medium refused.
 * @param wanted what this side would do; "sendonly" while it holds
 * @returns undefined when the offer has no G.711 over plain RTP: 488
 */
export function answerTo(
  offer: SessionDescription,
  local: LocalMedia,
  wanted: Direction,
): { text: string; agreement: MediaAgreement } | undefined {
  const index = offer.media.findIndex((m) => m.type === "audio" && m.port > 0 && m.protocol === "RTP/AVP");
  const media = offer.media[index];
  const codec = media && preferred(codecsOf(media));
  if (media === undefined || codec === undefined) return undefined;
  const event = codecsOf(media).find(isEvents);
  const direction = intersect(directionOf(offer, media), wanted);
  const agreement = agree(offer, media, codec, event, direction);
  if (agreement === undefined) return undefined;
  const answer = audio(local.port, event === undefined ? [codec] : [codec, event], direction);
  // RFC 3264 §6: as many media as offered, in their order
  const all = offer.media.map((other, at) => (at === index ? answer : refused(other)));
  return { text: describe(local, all), agreement };
}

/** What an answer to our offer agreed on; undefined when it took nothing. */
export function agreementOf(answer: SessionDescription, wanted: Direction): MediaAgreement | undefined {
  const [media] = answer.media;
  const codec = media && preferred(codecsOf(media));
  if (media === undefined || media.port === 0 || codec === undefined) return undefined;
  const direction = intersect(directionOf(answer, media), wanted);
  return agree(answer, media, codec, codecsOf(media).find(isEvents), direction);
}

function agree(
  session: SessionDescription,
  media: MediaDescription,
  codec: Codec,
  event: Codec | undefined,
  direction: Direction,
): MediaAgreement | undefined {
  const address = addressOf(session, media)?.address;
  if (address === undefined) return undefined;
  const law: G711 = codec.name.toUpperCase() === "PCMU" ? "PCMU" : "PCMA";
  return {
    remote: { address, port: media.port },
    law,
    payloadType: codec.payloadType,
    eventType: event?.payloadType,
    send: direction === "sendrecv" || direction === "sendonly",
    receive: direction === "sendrecv" || direction === "recvonly",
  };
}

function refused(media: MediaDescription): MediaDescription {
  const { type, protocol, formats } = media;
  return { type, port: 0, protocol, formats, bandwidths: [], attributes: [] };
}
