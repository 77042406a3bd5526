import { directionOf, parseSdp } from "@portico/sdp";
import type { Direction } from "@portico/sdp";
import { WicError } from "./errors.ts";
import type { Platform } from "./platform.ts";

/** Gathering is boxed: an ICE-lite gateway learns our address from our checks, so waiting for more buys nothing. */
const gatherMs = 200;

/** Where the voice connection stands. */
export type MediaState = "connecting" | "connected" | "interrupted" | "failed";

export interface MediaEvents {
  /** The other side's voice; comes once the remote description is set. */
  stream(stream: MediaStream): void;
  state(state: MediaState): void;
  /** First packets of the other side have come: early media can be heard. */
  heard(): void;
}

/**
 * The media of one call: one RTCPeerConnection with one audio line. All SDP comes from and goes to the eP-CSCF, complete
 * (no trickle, TS 24.371 §5D.4).
 */
export class CallMedia {
  readonly #platform: Platform;
  readonly #events: MediaEvents;
  readonly #connection: RTCPeerConnection;
  #track: MediaStreamTrack | undefined;
  #muted = false;
  #held = false;
  #heard = false;
  #closed = false;

  constructor(platform: Platform, iceServers: readonly RTCIceServer[], events: MediaEvents) {
    this.#platform = platform;
    this.#events = events;
    this.#connection = platform.createPeerConnection({
      iceServers: [...iceServers],
      // TS 23.228 U.1.1: the network need not know BUNDLE, so an un-bundled answer must work.
      bundlePolicy: "balanced",
      rtcpMuxPolicy: "require",
    });
    this.#connection.addEventListener("track", (event) => this.#onTrack(event));
    this.#connection.addEventListener("connectionstatechange", () => this.#onState());
  }

  get heard(): boolean {
    return this.#heard;
  }

  /** Sends the microphone's track; a copy of it, so that muting and ending stay with this call. */
  send(microphone: MediaStream): void {
    const [track] = microphone.getAudioTracks();
    if (track === undefined) throw new WicError("wic/microphone-missing");
    this.#track = track.clone();
    this.#applyMute();
    this.#connection.addTrack(this.#track, microphone);
  }

  /** The user's wish, which outlives hold and resume. */
  setMuted(muted: boolean): void {
    this.#muted = muted;
    this.#applyMute();
  }

  /** While we hold the call the microphone is silent, whatever the user's wish. */
  setHeld(held: boolean): void {
    this.#held = held;
    this.#applyMute();
  }

  get muted(): boolean {
    return this.#muted;
  }

  /** A complete offer. `held`: we stop listening and send no voice but keep the stream (RFC 3264 §8.4). */
  async offer(options: { held?: boolean; iceRestart?: boolean } = {}): Promise<string> {
    this.#setDirection(options.held ? "sendonly" : "sendrecv");
    await this.#connection.setLocalDescription(
      await this.#connection.createOffer(options.iceRestart ? { iceRestart: true } : {}),
    );
    return await this.#gathered(options.iceRestart);
  }

  /** Takes the answer to our offer. @returns the direction as the other side sees it */
  async acceptAnswer(sdp: string): Promise<Direction> {
    const direction = audioDirection(sdp);
    await this.#setRemote("answer", sdp);
    return direction;
  }

  /** Takes an offer. @returns our complete answer and the direction the other side wants */
  async answer(sdp: string, options: { held?: boolean } = {}): Promise<{ sdp: string; direction: Direction }> {
    const direction = audioDirection(sdp);
    await this.#setRemote("offer", sdp);
    this.#setDirection(options.held ? "sendonly" : "sendrecv");
    await this.#connection.setLocalDescription(await this.#connection.createAnswer());
    return { sdp: await this.#gathered(), direction };
  }

  /** Takes back an offer that the other side refused, and the direction it asked for. */
  async rollback(held: boolean): Promise<void> {
    if (this.#connection.signalingState === "have-local-offer") {
      await this.#connection.setLocalDescription({ type: "rollback" });
    }
    this.#setDirection(held ? "sendonly" : "sendrecv");
  }

  /** The sender's tone generator, when the browser can send tones now. */
  get tones(): RTCDTMFSender | undefined {
    const dtmf = this.#connection.getSenders().find((sender) => sender.track?.kind === "audio")?.dtmf;
    return dtmf?.canInsertDTMF ? dtmf : undefined;
  }

  async stats(): Promise<RTCStatsReport> {
    return await this.#connection.getStats();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#track?.stop();
    this.#connection.close();
  }

  #applyMute(): void {
    if (this.#track !== undefined) this.#track.enabled = !this.#muted && !this.#held;
  }

  #setDirection(direction: RTCRtpTransceiverDirection): void {
    for (const transceiver of this.#connection.getTransceivers()) {
      if (transceiver.sender.track?.kind === "audio") transceiver.direction = direction;
    }
  }

  async #setRemote(type: "offer" | "answer", sdp: string): Promise<void> {
    try {
      await this.#connection.setRemoteDescription({ type, sdp });
    } catch (error) {
      throw new WicError("wic/media-failed", { cause: error });
    }
  }

  /** `anew`: what was complete before the restart does not count. */
  async #gathered(anew = false): Promise<string> {
    const connection = this.#connection;
    await new Promise<void>((resolve) => {
      if (connection.iceGatheringState === "complete" && !anew) return resolve();
      const cancel = this.#platform.clock.setTimer(gatherMs, resolve);
      connection.addEventListener("icegatheringstatechange", () => {
        if (connection.iceGatheringState !== "complete") return;
        cancel();
        resolve();
      });
    });
    const sdp = connection.localDescription?.sdp;
    if (sdp === undefined) throw new WicError("wic/media-failed");
    return sdp;
  }

  #onTrack(event: RTCTrackEvent): void {
    if (this.#closed || event.track.kind !== "audio") return;
    const { track } = event;
    const heard = (): void => {
      if (this.#heard || this.#closed) return;
      this.#heard = true;
      this.#events.heard();
    };
    // A remote track is muted until its first packet (W3C WebRTC §5.3).
    if (track.muted) track.addEventListener("unmute", heard, { once: true });
    else heard();
    // The gateway's SDP names no msid, so the browser may hand out no stream.
    this.#events.stream(event.streams[0] ?? this.#platform.createStream(track));
  }

  #onState(): void {
    if (this.#closed) return;
    const state = this.#connection.connectionState;
    if (state === "connected" || state === "failed") this.#events.state(state);
    else if (state === "disconnected") this.#events.state("interrupted");
    else if (state === "connecting") this.#events.state("connecting");
  }
}

function audioDirection(sdp: string): Direction {
  try {
    const session = parseSdp(sdp);
    const audio = session.media.find((media) => media.type === "audio");
    if (audio === undefined || audio.port === 0) throw new WicError("wic/media-failed");
    return directionOf(session, audio);
  } catch (error) {
    throw error instanceof WicError ? error : new WicError("wic/media-failed", { cause: error });
  }
}
