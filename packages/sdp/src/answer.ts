import { answerFormat, codecAttributes, type Codec } from "./codecs.ts";
import { getAttribute } from "./description.ts";
import type { Attribute, Bandwidth, Connection, MediaDescription } from "./description.ts";
import type { Direction } from "./direction.ts";
import { isDisabled, refusedMedia } from "./mediaLines.ts";

/** What this side says of a medium that it accepts. */
export interface AcceptedMedia {
  /** Where this side takes the medium: 1 to 65535. */
  port: number;
  /** RTP: the codecs agreed, most wanted first, under the offer's payload types; see {@link answerCodecs}. */
  codecs?: readonly Codec[];
  /** What the answer says; see `intersect`. Absent: nothing, which means sendrecv. */
  direction?: Direction;
  connection?: Connection;
  bandwidths?: readonly Bandwidth[];
  /** All further ones: ICE, DTLS, rtcp-mux, ptime … The tag is there already. */
  attributes?: readonly Attribute[];
}

/**
 * The m-lines of an answer (RFC 3264 §6): as many as offered, in their order, of the same medium and protocol, tags
 * echoed (RFC 5888 §9.1). What is not accepted, or accepted without a codec, is refused with port 0; so is what the
 * offer itself has disabled.
 *
 * @param offered the m-lines of the offer
 * @param decide what this side says of each; undefined refuses it. Not asked about disabled ones
 * @example
 * ```ts
 * const offer = parseSdp("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\nm=video 5000 RTP/AVP 31\r\n");
 * const pcma: Codec = { payloadType: 8, name: "PCMA", clockRate: 8000 };
 * const lines = answerMedia(offer.media, (medium) =>
 *   medium.type === "audio" ? { port: 6000, codecs: answerCodecs(codecsOf(medium), [pcma]) } : undefined,
 * );
 * lines.map(({ port }) => port); // [6000, 0]
 * ```
 */
export function answerMedia(
  offered: readonly MediaDescription[],
  decide: (media: MediaDescription, index: number) => AcceptedMedia | undefined,
): MediaDescription[] {
  return offered.map((media, index) => {
    const accepted = isDisabled(media) ? undefined : decide(media, index);
    return accepted === undefined || accepted.codecs?.length === 0 ? refusedMedia(media) : accept(media, accepted);
  });
}

function accept(offered: MediaDescription, accepted: AcceptedMedia): MediaDescription {
  const { port, codecs, direction, connection, bandwidths = [], attributes = [] } = accepted;
  const mid = getAttribute(offered, "mid");
  const media: MediaDescription = {
    type: offered.type,
    port,
    protocol: offered.protocol,
    formats: codecs === undefined ? [...offered.formats] : codecs.map(({ payloadType }) => String(payloadType)),
    bandwidths: [...bandwidths],
    attributes: [
      ...(mid === undefined ? [] : [{ name: "mid", value: mid }]),
      ...attributes,
      ...(codecs === undefined ? [] : codecAttributes(codecs)),
      ...(direction === undefined ? [] : [{ name: direction }]),
    ],
  };
  if (connection !== undefined) media.connection = connection;
  return media;
}

/**
 * The codecs to answer an offer with: those offered that this side can do, in the order and under the payload types of
 * the offer (RFC 3264 §6.1), with this side's parameters where the format does not fix them. telephone-event and CN stay
 * only beside a voice codec of their clock rate (RFC 4733 §2.1, RFC 3389 §4).
 *
 * @param offered see {@link codecsOf}
 * @param able what this side can do, in any order, under any payload types
 * @returns none where there is nothing but events and comfort noise in common: the medium is to be refused
 * @example
 * ```ts
 * const able: Codec[] = [{ payloadType: 0, name: "PCMU", clockRate: 8000 }, { payloadType: 8, name: "PCMA", clockRate: 8000 }];
 * answerCodecs([{ payloadType: 96, name: "pcma", clockRate: 8000 }], able); // [{ payloadType: 96, name: "pcma", clockRate: 8000 }]
 * ```
 */
export function answerCodecs(offered: readonly Codec[], able: readonly Codec[]): Codec[] {
  const common: Codec[] = [];
  for (const codec of offered) {
    const answer = answerFormat(codec, able);
    if (answer !== undefined) common.push(answer);
  }
  const clockRates = new Set(common.filter((codec) => !accompanies(codec)).map(({ clockRate }) => clockRate));
  return common.filter(({ clockRate }) => clockRates.has(clockRate));
}

function accompanies({ name }: Codec): boolean {
  const lower = name.toLowerCase();
  return lower === "telephone-event" || lower === "cn";
}
