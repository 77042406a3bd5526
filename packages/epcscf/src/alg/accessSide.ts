import {
  bundleOf,
  codecAttributes,
  codecsOf,
  directionOf,
  dtlsOf,
  formatCandidate,
  formatSdp,
  getAttribute,
  iceOf,
  midOf,
  parseSdp,
  type Attribute,
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

/** One m-line of the access side; order and number stay for the life of the session (RFC 3264 §8). */
interface Line {
  readonly type: string;
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly mid: string | undefined;
  readonly rtcpMux: boolean;
}

const isAudio = ({ type, protocol, port }: MediaDescription): boolean =>
  type === "audio" && port !== 0 && (protocol === "UDP/TLS/RTP/SAVPF" || protocol === "UDP/TLS/RTP/SAVP");

/** The W3 side of a session's SDP: reads the browser's descriptions and writes ours. */
export class AccessSide {
  readonly #context: MediaContext;
  readonly #sessionId: string;
  #version = 0;
  #lines: Line[] = [];
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
    this.#lines = session.media.map((line) => ({
      type: line.type,
      protocol: line.protocol,
      formats: line.formats,
      mid: midOf(line),
      rtcpMux: getAttribute(line, "rtcp-mux") !== undefined,
    }));
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
    return this.#write(codecs, direction, setup, true);
  }

  /** Our offer (SDP-09): on the m-lines there are, or one audio line in a new session. No BUNDLE group of our own. */
  offer(codecs: readonly Codec[], direction: Direction): string {
    if (this.#lines.length === 0) {
      this.#lines = [{ type: "audio", protocol: "UDP/TLS/RTP/SAVPF", formats: [], mid: "0", rtcpMux: true }];
    }
    return this.#write(codecs, direction, "actpass", this.#bundle.length > 0);
  }

  #write(codecs: readonly Codec[], direction: Direction, setup: string, echoBundle: boolean): string {
    const { access } = this.#context;
    this.#version += 1;
    const audioMid = this.#lines[this.#audio]?.mid;
    const attributes: Attribute[] = [{ name: "ice-lite" }];
    if (echoBundle && audioMid !== undefined && this.#bundle.includes(audioMid)) {
      attributes.push({ name: "group", value: `BUNDLE ${audioMid}` });
    }
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
      attributes,
      media: this.#lines.map((line, index) =>
        index === this.#audio ? this.#audioLine(line, codecs, direction, setup) : refused(line),
      ),
    };
    return formatSdp(session);
  }

  #audioLine(line: Line, codecs: readonly Codec[], direction: Direction, setup: string): MediaDescription {
    const { access } = this.#context;
    return {
      type: line.type,
      port: access.port,
      protocol: line.protocol,
      formats: codecs.map(({ payloadType }) => String(payloadType)),
      bandwidths: [],
      attributes: [
        ...(line.rtcpMux ? [{ name: "rtcp-mux" }] : []),
        ...(line.mid === undefined ? [] : [{ name: "mid", value: line.mid }]),
        { name: "ice-ufrag", value: access.ufrag },
        { name: "ice-pwd", value: access.pwd },
        ...access.candidates.map((candidate) => ({ name: "candidate", value: formatCandidate(candidate) })),
        { name: "end-of-candidates" },
        { name: "fingerprint", value: `${access.fingerprint.algorithm} ${access.fingerprint.value}` },
        { name: "setup", value: setup },
        ...codecAttributes(codecs),
        { name: "ptime", value: "20" },
        { name: direction },
      ],
    };
  }
}

function refused({ type, protocol, formats, mid }: Line): MediaDescription {
  return {
    type,
    port: 0,
    protocol,
    formats: [...formats],
    bandwidths: [],
    attributes: [...(mid === undefined ? [] : [{ name: "mid", value: mid }]), { name: "inactive" }],
  };
}

/** Parses SDP; what cannot be parsed is a 488 at this node. */
export function parse(text: string): SessionDescription {
  try {
    return parseSdp(text);
  } catch {
    throw new EpcscfError("epcscf/bad-sdp");
  }
}
