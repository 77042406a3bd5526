import type { Candidate, PageMessage } from "../../src/rtc/protocol.ts";
import { Listeners } from "../listeners.ts";
import type { EndCause, LineCall, LineState, Party } from "./line.ts";

/** Milliseconds that an answered call may take until audio can flow. */
const connectMs = 10_000;

/** Milliseconds without a path before a new one is looked for, and before the talk is given up. */
const renewMs = 2000;
const lostMs = 15_000;

/** One direct call, on one side. */
export class DirectCall implements LineCall {
  readonly path = "direct";
  readonly party: Party;
  readonly #id: string;
  readonly #send: (message: PageMessage) => void;
  readonly #iceServers: readonly RTCIceServer[];
  readonly #changed: Listeners = new Listeners();
  #state: LineState = "dialling";
  #end: LineCall["end"];
  #peer: RTCPeerConnection | undefined;
  #stream: MediaStream | undefined;
  #offer: string | undefined;
  /** Candidates that came before there was a description to add them to. */
  #early: Candidate[] = [];
  #microphone: MediaStreamTrack | undefined;
  #muted = false;
  /** It was this side that called: it alone renews, so that two offers never cross. */
  #caller = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;

  constructor(id: string, party: Party, iceServers: readonly RTCIceServer[], send: (message: PageMessage) => void) {
    this.#id = id;
    this.party = party;
    this.#iceServers = iceServers;
    this.#send = send;
  }

  get state(): LineState {
    return this.#state;
  }

  get end(): LineCall["end"] {
    return this.#end;
  }

  get stream(): MediaStream | undefined {
    return this.#stream;
  }

  onChange(listener: () => void): () => void {
    return this.#changed.add(listener);
  }

  /** Caller: offers audio to a colleague. */
  offerTo(user: string, microphone: MediaStream): void {
    this.#caller = true;
    void this.#orFail(async () => {
      const peer = this.#connect(microphone);
      await peer.setLocalDescription(await peer.createOffer());
      const sdp = peer.localDescription?.sdp ?? "";
      if (this.#end === undefined) this.#send({ type: "call", call: this.#id, to: user, sdp });
      this.#sendCandidates(peer);
    });
  }

  /** Called: an offer has come; it rings. */
  ring(sdp: string): void {
    this.#offer = sdp;
    this.#send({ type: "ringing", call: this.#id });
    this.#enter("ringing");
  }

  answer(microphone: MediaStream): void {
    const sdp = this.#offer;
    if (sdp === undefined || this.#end !== undefined) return;
    this.#awaitMedia();
    void this.#orFail(async () => {
      const peer = this.#connect(microphone);
      await peer.setRemoteDescription({ type: "offer", sdp });
      await peer.setLocalDescription(await peer.createAnswer());
      this.#send({ type: "answer", call: this.#id, sdp: peer.localDescription?.sdp ?? "" });
      this.#sendCandidates(peer);
      await this.#addEarly(peer);
    });
  }

  decline(cause: "declined" | "busy"): void {
    this.#send({ type: cause === "busy" ? "busy" : "decline", call: this.#id });
    this.over("hangup");
  }

  hangUp(cause: "hangup" | "moved"): void {
    this.#send({ type: "hangup", call: this.#id, reason: cause });
    // A call that moves is over when the server says so: from then on its ringing has stopped at the other side.
    if (cause === "hangup") this.over("hangup");
    else this.#peer?.close();
  }

  setMuted(muted: boolean): void {
    this.#muted = muted;
    if (this.#microphone !== undefined) this.#microphone.enabled = !muted;
  }

  /** Nobody listens for digits at the other end of a direct call. */
  sendDigit(): boolean {
    return false;
  }

  /** Caller: it rings at the other side. */
  rings(): void {
    if (this.#state === "dialling") this.#enter("ringing");
  }

  /** Caller: a page of the other side has taken it. */
  async answered(sdp: string): Promise<void> {
    const peer = this.#peer;
    if (peer === undefined) return;
    this.#awaitMedia();
    await this.#orFail(async () => {
      await peer.setRemoteDescription({ type: "answer", sdp });
      await this.#addEarly(peer);
    });
  }

  async candidate(candidate: Candidate | null): Promise<void> {
    if (candidate === null) return;
    const peer = this.#peer;
    if (peer?.remoteDescription) await this.#add(peer, candidate);
    else if (this.#early.length < 64) this.#early.push(candidate);
  }

  /** A new offer of the caller, or the answer to ours: the path is looked for anew, the talk goes on. */
  async renewed(kind: "offer" | "answer", sdp: string): Promise<void> {
    const peer = this.#peer;
    if (peer === undefined || this.#end !== undefined) return;
    await this.#orFail(async () => {
      await peer.setRemoteDescription({ type: kind, sdp });
      if (kind === "answer") return;
      await peer.setLocalDescription(await peer.createAnswer());
      this.#send({ type: "renew", call: this.#id, kind: "answer", sdp: peer.localDescription?.sdp ?? "" });
    });
  }

  /** Ends this side. Idempotent. */
  over(cause: EndCause): void {
    if (this.#end !== undefined) return;
    this.#stopTimers();
    this.#peer?.close();
    this.#end = { cause };
    this.#stream = undefined;
    this.#enter("ended");
  }

  #connect(microphone: MediaStream): RTCPeerConnection {
    const peer = new RTCPeerConnection({ iceServers: [...this.#iceServers], bundlePolicy: "max-bundle" });
    this.#peer = peer;
    const [track] = microphone.getAudioTracks();
    if (track === undefined) throw new Error("the microphone has no audio track");
    // A clone: mute is a matter of this call, the microphone one of the page.
    this.#microphone = track.clone();
    this.#microphone.enabled = !this.#muted;
    const stop = this.#microphone;
    this.onChange(() => this.#end !== undefined && stop.stop());
    peer.addTrack(this.#microphone, microphone);
    peer.addEventListener("track", ({ track: remote, streams: [stream] }) => {
      this.#stream = stream ?? new MediaStream([remote]);
      this.#changed.tell();
    });
    peer.addEventListener("connectionstatechange", () => this.#follow(peer.connectionState));
    return peer;
  }

  #follow(state: RTCPeerConnectionState): void {
    if (this.#end !== undefined) return;
    if (state === "connected") {
      this.#stopTimers();
      this.#enter("active");
    } else if (this.#state !== "active") {
      if (state === "failed") this.#fail();
    } else if (state === "disconnected" || state === "failed") {
      this.#timer ??= setTimeout(() => this.#fail(), lostMs);
      if (this.#caller) this.#renewal ??= setTimeout(() => void this.#renew(), state === "failed" ? 0 : renewMs);
    }
  }

  /** The network has changed under the talk. */
  async #renew(): Promise<void> {
    const peer = this.#peer;
    if (peer === undefined || peer.signalingState !== "stable") return;
    await this.#orFail(async () => {
      await peer.setLocalDescription(await peer.createOffer({ iceRestart: true }));
      this.#send({ type: "renew", call: this.#id, kind: "offer", sdp: peer.localDescription?.sdp ?? "" });
    });
  }

  #stopTimers(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#renewal);
    this.#timer = this.#renewal = undefined;
  }

  #awaitMedia(): void {
    this.#enter("connecting");
    this.#stopTimers();
    this.#timer = setTimeout(() => this.#fail(), connectMs);
  }

  /** No audio path. The other side is told, so that both try the same next thing. */
  #fail(): void {
    const cause = this.#state === "active" ? "lost" : "failed";
    this.#send({ type: "hangup", call: this.#id, reason: "failed" });
    this.over(cause);
  }

  #sendCandidates(peer: RTCPeerConnection): void {
    const send = (candidate: RTCIceCandidate | null): void => {
      if (this.#end !== undefined) return;
      const { candidate: line, sdpMid, sdpMLineIndex } = candidate ?? {};
      const found =
        line === undefined ? null : { candidate: line, sdpMid: sdpMid ?? null, sdpMLineIndex: sdpMLineIndex ?? null };
      this.#send({ type: "candidate", call: this.#id, candidate: found });
    };
    peer.addEventListener("icecandidate", ({ candidate }) => send(candidate));
  }

  async #addEarly(peer: RTCPeerConnection): Promise<void> {
    for (const candidate of this.#early.splice(0)) await this.#add(peer, candidate);
  }

  /** A candidate that does not fit costs one path, not the call. */
  async #add(peer: RTCPeerConnection, candidate: Candidate): Promise<void> {
    await peer.addIceCandidate(candidate).catch(() => undefined);
  }

  async #orFail(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch {
      this.#fail();
    }
  }

  #enter(state: LineState): void {
    if (this.#state === state || (this.#end !== undefined && state !== "ended")) return;
    this.#state = state;
    this.#changed.tell();
  }
}
