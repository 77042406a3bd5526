import {
  answerMedia,
  bundleAnswer,
  bundleOf,
  codecsOf,
  directionOf,
  dtlsAttributes,
  dtlsOf,
  formatSdp,
  getAttribute,
  iceAttributes,
  iceOf,
  midOf,
  parseSdp,
  type AcceptedMedia,
  type Codec,
  type Direction,
  type MediaDescription,
  type SessionDescription,
} from "@portico/sdp";
import type { MediaContext } from "@portico/agw";
import { EpcscfError } from "../errors.ts";

/** The browser's audio stream as its SDP describes it. */
export interface AccessAudio {
  readonly codecs: Codec[];
  readonly direction: Direction;
  readonly ufrag: string;
  readonly pwd: string;
  readonly fingerprints: { algorithm: string; value: string }[];
  readonly setup: "active" | "passive" | "actpass";
}

const isAudio = ({ type, protocol, port }: MediaDescription): boolean =>
  type === "audio" && port !== 0 && (protocol === "UDP/TLS/RTP/SAVPF" || protocol === "UDP/TLS/RTP/SAVP");

/** What of an m-line is kept: order and number of lines stay for the life of the session (RFC 3264 §8). */
const outline = ({ type, port, protocol, formats, attributes }: MediaDescription): MediaDescription => ({
  type,
  port,
  protocol,
  formats,
  bandwidths: [],
  attributes: attributes.filter(({ name }) => name === "mid" || name === "rtcp-mux"),
});

/** The W3 side of a session's SDP: reads the browser's descriptions and writes ours. */
export class AccessSide {
  readonly #context: MediaContext;
  readonly #sessionId: string;
  #version = 0;
  #lines: MediaDescription[] = [];
  #audio = 0;
  #bundle: readonly string[] = [];

  constructor(context: MediaContext, sessionId: string) {
    this.#context = context;
    this.#sessionId = sessionId;
  }

  /** Reads an offer or an answer of the browser. @throws EpcscfError when no audio in it can be carried. */
  read(text: string): AccessAudio {
    const session = parse(text);
    const index = session.media.findIndex(isAudio);
    const media = session.media[index];
    if (media === undefined) throw new EpcscfError("epcscf/no-common-media");
    const ice = iceOf(session, media);
    const dtls = dtlsOf(session, media);
    if (ice === undefined || dtls === undefined || dtls.setup === "holdconn") throw new EpcscfError("epcscf/bad-sdp");
    this.#lines = session.media.map(outline);
    this.#audio = index;
    this.#bundle = bundleOf(session);
    return {
      codecs: codecsOf(media),
      direction: directionOf(session, media),
      ufrag: ice.ufrag,
      pwd: ice.pwd,
      fingerprints: dtls.fingerprints,
      setup: dtls.setup,
    };
  }

  checkpoint(): () => void {
    const [lines, audio, bundle] = [this.#lines, this.#audio, this.#bundle];
    return () => ([this.#lines, this.#audio, this.#bundle] = [lines, audio, bundle]);
  }

  /** Our answer to the offer read last (SDP-07): its m-lines in its order, audio ours, the others refused. */
  answer(codecs: readonly Codec[], direction: Direction, setup: "active" | "passive"): string {
    return this.#write(codecs, direction, setup);
  }

  /** Our offer (SDP-09): on the m-lines there are, or one audio line in a new session. No BUNDLE group of our own. */
  offer(codecs: readonly Codec[], direction: Direction): string {
    if (this.#lines.length === 0) {
      const attributes = [{ name: "mid", value: "0" }, { name: "rtcp-mux" }];
      this.#lines = [
        { type: "audio", port: 9, protocol: "UDP/TLS/RTP/SAVPF", formats: [], bandwidths: [], attributes },
      ];
    }
    return this.#write(codecs, direction, "actpass");
  }

  /** All m-lines with nothing but our audio accepted: what an answer and a further offer of ours look like alike. */
  #write(codecs: readonly Codec[], direction: Direction, setup: "active" | "passive" | "actpass"): string {
    const { access } = this.#context;
    this.#version += 1;
    const audio = this.#lines[this.#audio];
    const mid = audio && midOf(audio);
    const group = bundleAnswer(this.#bundle, mid === undefined ? [] : [mid]);
    const addressType = access.address.includes(":") ? "IP6" : "IP4";
    const session: SessionDescription = {
      origin: {
        username: "-",
        sessionId: this.#sessionId,
        sessionVersion: String(this.#version),
        addressType,
        address: access.address,
      },
      name: "-",
      connection: { addressType, address: access.address },
      bandwidths: [],
      timing: "0 0",
      attributes: [{ name: "ice-lite" }, ...(group === undefined ? [] : [group])],
      media: answerMedia(this.#lines, (line, index) =>
        index === this.#audio ? this.#accepted(line, codecs, direction, setup) : undefined,
      ),
    };
    return formatSdp(session);
  }

  #accepted(
    line: MediaDescription,
    codecs: readonly Codec[],
    direction: Direction,
    setup: "active" | "passive" | "actpass",
  ): AcceptedMedia {
    const { access } = this.#context;
    return {
      port: access.port,
      codecs,
      direction,
      attributes: [
        ...(getAttribute(line, "rtcp-mux") === undefined ? [] : [{ name: "rtcp-mux" }]),
        ...iceAttributes({ ...access, endOfCandidates: true }),
        ...dtlsAttributes({ setup, fingerprints: [access.fingerprint] }),
        { name: "ptime", value: "20" },
      ],
    };
  }
}

/** Parses SDP; what cannot be parsed is a 488 at this node. */
export function parse(text: string): SessionDescription {
  try {
    return parseSdp(text);
  } catch {
    throw new EpcscfError("epcscf/bad-sdp");
  }
}
