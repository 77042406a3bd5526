import type { Codec } from "@portico/sdp";
import { EpcscfError } from "../errors.ts";

/** What the gateway carries without transcoding, in the operator's order of preference (SDP-06). */
const carried: readonly { readonly name: string; readonly payloadType: number }[] = [
  { name: "PCMA", payloadType: 8 },
  { name: "PCMU", payloadType: 0 },
];

/**
 * The media of this gateway, as Feature-Caps names them (RFC 6809). A REGISTER without such indicators would say that it carries all
 * media (TS 24.229 §7.9A.4).
 */
export const mediaIndicators = "*;+sip.audio";

/** Payload type of telephone-event in offers this gateway makes toward the core. */
const eventsPayloadType = 101;

/** Payload type of telephone-event in offers this gateway makes toward a browser. */
const accessEventsPayloadType = 126;

const isCodec = (codec: Codec, name: string): boolean =>
  codec.name.toUpperCase() === name && codec.clockRate === 8000 && (codec.channels ?? 1) === 1;

/** The voice codecs of a list that this gateway carries; the list's own order, as RFC 3264 §6.1 has the answerer keep it. */
export function voiceCodecs(codecs: readonly Codec[]): Codec[] {
  return codecs.filter((codec) => carried.some(({ name }) => isCodec(codec, name)));
}

/** @throws EpcscfError `epcscf/no-common-media` for a list without a voice codec of this gateway. */
export function requireVoice(codecs: readonly Codec[]): void {
  if (voiceCodecs(codecs).length === 0) throw new EpcscfError("epcscf/no-common-media");
}

/** telephone-event at the clock rate of G.711 (RFC 4733 §2.1: events share the clock of their audio). */
export function eventsCodec(codecs: readonly Codec[]): Codec | undefined {
  return codecs.find(({ name, clockRate }) => name.toLowerCase() === "telephone-event" && clockRate === 8000);
}

/** The offer toward the core for what the browser can do: operator's order, static payload types (SDP-06). */
export function coreOfferCodecs(access: readonly Codec[]): Codec[] {
  const voice = carried
    .filter(({ name }) => access.some((codec) => isCodec(codec, name)))
    .map(({ name, payloadType }) => ({ name, payloadType, clockRate: 8000 }));
  return eventsCodec(access) === undefined ? voice : [...voice, coreEvents];
}

/** The offer toward the browser for what the core can do. */
export function accessOfferCodecs(core: readonly Codec[] | undefined): Codec[] {
  const voice =
    core === undefined
      ? carried.map(({ name, payloadType }) => ({ name, payloadType, clockRate: 8000 }))
      : voiceCodecs(core).map(({ name, clockRate }) => ({
          name,
          clockRate,
          payloadType: carried.find((one) => one.name === name.toUpperCase())?.payloadType ?? 8,
        }));
  const events = core === undefined || eventsCodec(core) !== undefined;
  return events ? [...voice, { ...coreEvents, payloadType: accessEventsPayloadType }] : voice;
}

const coreEvents: Codec = {
  name: "telephone-event",
  payloadType: eventsPayloadType,
  clockRate: 8000,
  fmtp: "0-15",
};

/** Codecs of two lists that are one and the same, in the first list's order. */
export function pairCodecs(access: readonly Codec[], core: readonly Codec[]): { access: Codec; core: Codec }[] {
  return voiceCodecs(access).flatMap((one) => {
    const other = voiceCodecs(core).find(({ name }) => name.toUpperCase() === one.name.toUpperCase());
    return other === undefined ? [] : [{ access: one, core: other }];
  });
}

/** As {@link pairCodecs}. @throws EpcscfError `epcscf/no-common-media` when there is none. */
export function commonCodecs(access: readonly Codec[], core: readonly Codec[]): { access: Codec; core: Codec }[] {
  const pairs = pairCodecs(access, core);
  if (pairs.length === 0) throw new EpcscfError("epcscf/no-common-media");
  return pairs;
}
