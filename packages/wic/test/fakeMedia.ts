import type { Clock } from "@portico/sip";

/** A microphone track: what counts is whether it is enabled, stopped, and whose copy it is. */
export class FakeTrack extends EventTarget {
  readonly kind = "audio";
  readonly copies: FakeTrack[] = [];
  enabled = true;
  muted = false;
  stopped = false;

  clone(): FakeTrack {
    const copy = new FakeTrack();
    this.copies.push(copy);
    return copy;
  }

  stop(): void {
    this.stopped = true;
  }
}

/** A stream of one track. */
export class FakeStream {
  readonly track: FakeTrack;

  constructor(track: FakeTrack = new FakeTrack()) {
    this.track = track;
  }

  getAudioTracks(): FakeTrack[] {
    return [this.track];
  }

  getTracks(): FakeTrack[] {
    return [this.track];
  }
}

/** Records what is asked of the tone generator. */
export class FakeDtmf {
  canInsertDTMF = true;
  toneBuffer = "";
  readonly inserted: [tones: string, durationMs: number, gapMs: number][] = [];

  insertDTMF(tones: string, durationMs: number, gapMs: number): void {
    this.toneBuffer = tones;
    this.inserted.push([tones, durationMs, gapMs]);
  }
}

export function sdpOf(o: { user: string; version: number; direction: string; setup: string }): string {
  return [
    "v=0",
    `o=${o.user} 1 ${o.version} IN IP4 127.0.0.1`,
    "s=-",
    "t=0 0",
    "m=audio 40100 UDP/TLS/RTP/SAVPF 8 126",
    "c=IN IP4 127.0.0.1",
    "a=mid:0",
    "a=ice-ufrag:Qx7f",
    "a=ice-pwd:uR0mW9cT1yZp4KjEo2sVbN8d",
    "a=fingerprint:sha-256 2F:91:0A:DE:55:C0:7B:E2:19:44:8D:AA:6C:03:F7:5E:B1:20:9C:38:71:EF:44:D2:0B:66:93:1D:C8:5A:70:FE",
    `a=setup:${o.setup}`,
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:126 telephone-event/8000",
    "a=rtcp-mux",
    `a=${o.direction}`,
    "",
  ].join("\r\n");
}

/** As much of an RTCPeerConnection as the SDK uses, with the browser's own refusals in wrong states. */
export class FakePeerConnection extends EventTarget {
  readonly configuration: RTCConfiguration;
  readonly dtmf = new FakeDtmf();
  readonly remote = new FakeStream();
  readonly remotes: { type: string; sdp: string }[] = [];
  signalingState = "stable";
  iceGatheringState = "new";
  connectionState = "new";
  localDescription: { type: string; sdp: string } | null = null;
  iceRestarts = 0;
  closed = false;
  /** True: createOffer's direction is refused by the next setRemoteDescription. */
  refuseRemote = false;
  readonly #clock: Clock;
  readonly #gatherMs: number;
  readonly #transceivers: { sender: { track: FakeTrack; dtmf: FakeDtmf }; direction: string }[] = [];
  #version = 0;

  constructor(configuration: RTCConfiguration, clock: Clock, gatherMs: number) {
    super();
    this.configuration = configuration;
    this.#clock = clock;
    this.#gatherMs = gatherMs;
    this.remote.track.muted = true;
  }

  addTrack(track: FakeTrack): void {
    this.#transceivers.push({ sender: { track, dtmf: this.dtmf }, direction: "sendrecv" });
  }

  getSenders(): { track: FakeTrack; dtmf: FakeDtmf }[] {
    return this.#transceivers.map(({ sender }) => sender);
  }

  getTransceivers(): { sender: { track: FakeTrack }; direction: string }[] {
    return this.#transceivers;
  }

  get direction(): string {
    return this.#transceivers[0]?.direction ?? "inactive";
  }

  createOffer(options: { iceRestart?: boolean } = {}): Promise<{ type: string; sdp: string }> {
    if (this.closed) return Promise.reject(new DOMException("closed", "InvalidStateError"));
    if (options.iceRestart) this.iceRestarts += 1;
    this.#version += 1;
    const sdp = sdpOf({ user: "page", version: this.#version, direction: this.direction, setup: "actpass" });
    return Promise.resolve({ type: "offer", sdp });
  }

  createAnswer(): Promise<{ type: string; sdp: string }> {
    this.#version += 1;
    const offered = this.remotes.at(-1)?.sdp ?? "";
    const direction = /a=(sendonly|inactive)/.test(offered) ? "recvonly" : this.direction;
    return Promise.resolve({
      type: "answer",
      sdp: sdpOf({ user: "page", version: this.#version, direction, setup: "active" }),
    });
  }

  setLocalDescription(description: { type: string; sdp: string }): Promise<void> {
    if (this.closed) return Promise.reject(new DOMException("closed", "InvalidStateError"));
    if (description.type === "rollback") {
      this.signalingState = "stable";
      return Promise.resolve();
    }
    this.signalingState = description.type === "offer" ? "have-local-offer" : "stable";
    this.localDescription = description;
    if (this.iceGatheringState === "new") {
      this.iceGatheringState = "gathering";
      this.#clock.setTimer(this.#gatherMs, () => {
        this.iceGatheringState = "complete";
        if (this.localDescription !== null)
          this.localDescription.sdp += "a=candidate:1 1 udp 2130706431 127.0.0.1 40100 typ host\r\n";
        this.dispatchEvent(new Event("icegatheringstatechange"));
      });
    }
    return Promise.resolve();
  }

  setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    const fits =
      description.type === "offer" ? this.signalingState === "stable" : this.signalingState === "have-local-offer";
    if (this.closed || this.refuseRemote || !fits)
      return Promise.reject(new DOMException("state", "InvalidStateError"));
    this.remotes.push(description);
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    if (this.remotes.length === 1) {
      this.dispatchEvent(Object.assign(new Event("track"), { track: this.remote.track, streams: [this.remote] }));
    }
    return Promise.resolve();
  }

  getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map());
  }

  close(): void {
    this.closed = true;
  }

  /** The other side's first packets arrive. */
  hear(): void {
    this.remote.track.muted = false;
    this.remote.track.dispatchEvent(new Event("unmute"));
  }

  becomes(state: string): void {
    this.connectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
  }
}
