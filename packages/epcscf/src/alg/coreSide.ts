import {
  addressOf,
  answerMedia,
  codecsOf,
  directionOf,
  formatSdp,
  rtcpPortOf,
  type AcceptedMedia,
  type Codec,
  type Direction,
  type MediaDescription,
} from "@portico/sdp";
import type { MediaContext } from "@portico/agw";
import { EpcscfError } from "../errors.ts";
import { parse } from "./accessSide.ts";

/** The far end's audio stream as the core's SDP describes it. */
export interface CoreAudio {
  readonly codecs: Codec[];
  readonly direction: Direction;
  readonly address: string;
  readonly port: number;
  readonly rtcpPort: number;
}

const isAudio = ({ type, protocol, port }: MediaDescription): boolean =>
  type === "audio" && port !== 0 && (protocol === "RTP/AVP" || protocol === "RTP/AVPF");

/** The Mb side of a session's SDP: plain RTP, nothing of WebRTC in it (SDP-01 to SDP-04). */
export class CoreSide {
  readonly #context: MediaContext;
  readonly #sessionId: string;
  #version = 0;
  /** Order and number stay for the life of the session (RFC 3264 §8); tags are not for the core (SDP-03). */
  #lines: MediaDescription[] = [];
  #audio = 0;

  constructor(context: MediaContext, sessionId: string) {
    this.#context = context;
    this.#sessionId = sessionId;
  }

  /** Reads an offer or an answer of the core. @throws EpcscfError when no audio in it can be carried. */
  read(text: string): CoreAudio {
    const session = parse(text);
    const index = session.media.findIndex(isAudio);
    const media = session.media[index];
    if (media === undefined) throw new EpcscfError("epcscf/no-common-media");
    const connection = addressOf(session, media);
    if (connection === undefined) throw new EpcscfError("epcscf/bad-sdp");
    this.#lines = session.media.map(({ type, port, protocol, formats }) => ({
      type,
      port,
      protocol,
      formats,
      bandwidths: [],
      attributes: [],
    }));
    this.#audio = index;
    return {
      codecs: codecsOf(media),
      direction: directionOf(session, media),
      address: connection.address,
      port: media.port,
      rtcpPort: rtcpPortOf(media),
    };
  }

  checkpoint(): () => void {
    const [lines, audio] = [this.#lines, this.#audio];
    return () => ([this.#lines, this.#audio] = [lines, audio]);
  }

  /** Our offer or answer with these codecs. */
  write(codecs: readonly Codec[], direction: Direction): string {
    const { core } = this.#context;
    this.#version += 1;
    if (this.#lines.length === 0) {
      this.#lines = [{ type: "audio", port: 9, protocol: "RTP/AVP", formats: [], bandwidths: [], attributes: [] }];
    }
    const addressType = core.address.includes(":") ? "IP6" : "IP4";
    return formatSdp({
      origin: {
        username: "-",
        sessionId: this.#sessionId,
        sessionVersion: String(this.#version),
        addressType,
        address: core.address,
      },
      name: "-",
      connection: { addressType, address: core.address },
      bandwidths: [],
      timing: "0 0",
      attributes: [],
      media: answerMedia(this.#lines, (_, index) =>
        index === this.#audio ? this.#accepted(codecs, direction) : undefined,
      ),
    });
  }

  #accepted(codecs: readonly Codec[], direction: Direction): AcceptedMedia {
    return {
      port: this.#context.core.port,
      codecs,
      direction,
      // RFC 3556: RTCP bandwidth beside that of 64 kbit/s G.711 with its headers at 20 ms.
      bandwidths: [
        { type: "AS", value: 80 },
        { type: "RS", value: 600 },
        { type: "RR", value: 2000 },
      ],
      attributes: [
        { name: "ptime", value: "20" },
        { name: "maxptime", value: "240" },
      ],
    };
  }
}
