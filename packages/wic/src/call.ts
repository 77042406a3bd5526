import { glareDelay, SessionTimer, SipRequest } from "@portico/sip";
import type { InviteEnd, InviteUsage, UserAgent } from "@portico/sip";
import type { LocalAddress } from "./address.ts";
import { callEnd, endByBye, releaseCause } from "./callEnd.ts";
import type { CallEnd } from "./callEnd.ts";
import { CallMedia } from "./callMedia.ts";
import type { MediaState } from "./callMedia.ts";
import type { Registered } from "./connection.ts";
import { sendTones } from "./dtmf.ts";
import type { DtmfOptions } from "./dtmf.ts";
import { Emitter } from "./emitter.ts";
import { WicError } from "./errors.ts";
import type { LentMicrophone } from "./microphone.ts";
import { Negotiation } from "./negotiation.ts";
import type { HeldBy } from "./negotiation.ts";
import type { Platform } from "./platform.ts";
import type { RemoteParty } from "./remoteParty.ts";

/**
 * dialling: the INVITE is on its way; ringing: the other side (outgoing) or this one (incoming) is alerted; early: the
 * network's announcement or the other side can be heard; active; held: by either side; ended.
 */
export type CallState = "dialling" | "ringing" | "early" | "active" | "held" | "ended";

/** Events of a {@link Call}. */
export type CallEvents = {
  /** A new state; the last one, `ended`, comes with its reason. */
  state: [state: CallState, end: CallEnd | undefined];
  /** The other side's voice, to be put into an audio element. */
  stream: [stream: MediaStream];
  /** The network has said more about who the other side is. */
  remote: [party: RemoteParty];
  /** The voice connection: `interrupted` may come back by itself, `failed` is being repaired or ends the call. */
  media: [state: MediaState];
};

/** What a call borrows from its client. */
export interface CallLine {
  readonly platform: Platform;
  readonly agent: UserAgent;
  readonly address: LocalAddress;
  readonly trusted: readonly string[] | undefined;
  /** The live registration, if there is one. */
  registered(): Registered | undefined;
  /** Contact value of our dialogs. */
  contact(): string;
  iceServers(): readonly RTCIceServer[];
  lendMicrophone(): Promise<LentMicrophone>;
  /** Gets a fresh token and shows it to the network. @throws WicError */
  renewToken(): Promise<void>;
  /** Registers anew, since the network has lost who serves the user; resolves when that has been tried. Never rejects. */
  restore(): Promise<void>;
  ended(call: Call): void;
}

const next: Record<CallState, readonly CallState[]> = {
  dialling: ["ringing", "early", "active", "ended"],
  ringing: ["early", "active", "ended"],
  early: ["ringing", "active", "ended"],
  active: ["held", "ended"],
  held: ["active", "ended"],
  ended: [],
};

/**
 * One call, outgoing or incoming.
 *
 *   dialling --> ringing <--> early --> active <--> held
 *       |           |           |          |          |
 *       '-----------+-----------+----------+----------+--> ended
 *
 * @example
 * const call = phone.call("+12025550110");
 * call.on("stream", (stream) => (audio.srcObject = stream));
 * call.on("state", (state, end) => show(end?.message ?? state));
 */
export abstract class Call {
  /** Unique among the calls of this page. */
  readonly id: string;
  abstract readonly direction: "outgoing" | "incoming";
  protected readonly line: CallLine;
  protected usage: InviteUsage | undefined;
  protected media: CallMedia | undefined;
  protected negotiation: Negotiation | undefined;
  protected timer: SessionTimer | undefined;
  readonly #events: Emitter<CallEvents>;
  #state: CallState;
  #end: CallEnd | undefined;
  #remote: RemoteParty;
  #stream: MediaStream | undefined;
  #mediaState: MediaState = "connecting";
  #muted = false;
  #microphone: LentMicrophone | undefined;
  #cancelGrace: (() => void) | undefined;
  /** The voice connection has worked, and has not been repaired since. */
  #repairable = false;

  protected constructor(line: CallLine, o: { id: string; state: CallState; remote: RemoteParty }) {
    this.line = line;
    this.id = o.id;
    this.#state = o.state;
    this.#remote = o.remote;
    this.#events = new Emitter((error) => line.platform.report(error));
  }

  get state(): CallState {
    return this.#state;
  }

  /** Why it ended; undefined before. */
  get end(): CallEnd | undefined {
    return this.#end;
  }

  /** The other party. */
  get remote(): RemoteParty {
    return this.#remote;
  }

  /** The other side's voice, once there is any. */
  get stream(): MediaStream | undefined {
    return this.#stream;
  }

  /** Where the voice connection stands. */
  get mediaState(): MediaState {
    return this.#mediaState;
  }

  get muted(): boolean {
    return this.#muted;
  }

  /** Who keeps the call on hold, as the last confirmed description says. */
  get heldBy(): HeldBy | undefined {
    return this.negotiation?.heldBy;
  }

  /** @returns a function that removes the listener */
  on<K extends keyof CallEvents>(name: K, listener: (...values: CallEvents[K]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** Takes an incoming call that rings. @throws WicError `wic/call-state` */
  answer(): void {
    throw new WicError("wic/call-state");
  }

  /**
   * Refuses an incoming call that rings: here and on all of the user's devices (603), or only here, as busy (486).
   * @throws WicError `wic/call-state`
   */
  decline(_as: "declined" | "busy" = "declined"): void {
    throw new WicError("wic/call-state");
  }

  /** Ends the call in whatever state it is. Idempotent. */
  abstract hangUp(): void;

  /**
   * Sends digits 0-9, A-D, * and # as telephone events.
   * @throws WicError `wic/dtmf` on anything else, or without a voice connection
   */
  sendDtmf(digits: string, options?: DtmfOptions): void {
    sendTones(this.media?.tones, digits, options);
  }

  /** Silences the microphone for this call, until {@link unmute}; hold and resume do not change it. */
  mute(): void {
    this.#setMuted(true);
  }

  unmute(): void {
    this.#setMuted(false);
  }

  /** Puts the call on hold; resolves when the other side has agreed. @throws WicError `wic/hold-refused`, `wic/call-state` */
  async hold(): Promise<void> {
    await this.#established().hold(true);
  }

  /** Takes it back from hold. @throws WicError `wic/hold-refused`, `wic/call-state` */
  async resume(): Promise<void> {
    await this.#established().hold(false);
  }

  /** The voice connection's statistics. */
  async stats(): Promise<RTCStatsReport | undefined> {
    return await this.media?.stats();
  }

  /** Ends the call here and at the network. Idempotent. */
  abort(end: CallEnd): void {
    if (this.#state === "ended") return;
    this.finish(end);
    const { usage } = this;
    // A refusal of a call that rings says by its status why.
    usage?.end(usage.role === "caller" || usage.state === "confirmed" ? releaseCause(end) : []);
  }

  /** The flow is gone: a call being set up ends, one that stands waits for the next registration. */
  flowLost(): void {
    if (this.#state === "ended" || this.#cancelGrace !== undefined) return;
    if (this.usage?.state !== "confirmed")
      return this.abort(callEnd("network", { error: new WicError("wic/connection-lost") }));
    // The portal keeps the call for its grace time; the voice goes on meanwhile.
    this.#cancelGrace = this.line.platform.clock.setTimer(graceMs, () => this.finish(callEnd("network")));
  }

  /** There is a new flow: further requests of this call go there. */
  flowReplaced(registered: Registered): void {
    this.#cancelGrace?.();
    this.#cancelGrace = undefined;
    if (this.usage === undefined || this.#state === "ended" || this.usage.hop === registered.flow) return;
    this.usage.hop = registered.flow;
    // Tells the portal where we are now; 481 says that it has given the call up (RFC 3261 §12.2.1.2).
    void this.usage.request("UPDATE");
    if (this.#mediaState === "failed") void this.#repair();
  }

  /** Lends the microphone and opens the media. False when the call ended meanwhile. @throws WicError */
  protected async openMedia(): Promise<CallMedia | undefined> {
    const microphone = await this.line.lendMicrophone();
    if (this.#state === "ended") {
      microphone.release();
      return undefined;
    }
    this.#microphone = microphone;
    const media = new CallMedia(this.line.platform, this.line.iceServers(), {
      stream: (stream) => {
        this.#stream = stream;
        this.#events.emit("stream", stream);
      },
      state: (state) => this.#onMedia(state),
      heard: () => this.heard(),
    });
    this.media = media;
    media.setMuted(this.#muted);
    media.send(microphone.stream);
    return media;
  }

  /** The other side's first packets have come. */
  protected heard(): void {}

  /** Offers and answers inside this call from now on. */
  protected negotiate(usage: InviteUsage, media: CallMedia): Negotiation {
    const { clock, random } = this.line.platform;
    this.usage = usage;
    this.timer?.close();
    this.timer = new SessionTimer({
      clock,
      refresh: (headers) => usage.request("UPDATE", { headers }),
      expired: () => this.abort(callEnd("network")),
    });
    this.negotiation = new Negotiation({
      media,
      usage,
      timer: this.timer,
      contact: usage.role === "caller" ? (usage.invite.get("Contact") ?? "") : this.line.contact(),
      onHold: () => this.#showHold(),
      pause: () => new Promise((resolve) => void clock.setTimer(glareDelay(usage, random), resolve)),
    });
    return this.negotiation;
  }

  /** The call stands. */
  protected established(): void {
    this.enter("active");
    this.#showHold();
  }

  protected setRemote(party: RemoteParty): void {
    this.#remote = party;
    this.#events.emit("remote", party);
  }

  protected enter(state: CallState): void {
    if (!next[this.#state].includes(state)) return;
    this.#state = state;
    this.#events.emit("state", state, this.#end);
  }

  /** Ends the call here: state, media, microphone. What is to be said to the network has been said. Idempotent. */
  protected finish(end: CallEnd): void {
    if (this.#state === "ended") return;
    this.#end = end;
    this.#cancelGrace?.();
    this.timer?.close();
    this.media?.close();
    this.#microphone?.release();
    this.enter("ended");
    this.line.ended(this);
  }

  /** Ends the call here and at the network because of trouble of our own. */
  protected fail(error: unknown): void {
    const wic = error instanceof WicError ? error : new WicError("wic/media-failed", { cause: error });
    const microphone = wic.code === "wic/microphone-denied" || wic.code === "wic/microphone-missing";
    const cause = microphone ? "microphone" : wic.code === "wic/not-registered" ? "network" : "media";
    this.abort(callEnd(cause, { error: wic, message: wic.message }));
  }

  protected onEnded({ by, message }: InviteEnd): void {
    if (by === "peer" && message instanceof SipRequest) this.finish(endByBye(message));
    else this.finish(callEnd(by === "local" ? "hung-up" : "network"));
  }

  #established(): Negotiation {
    if (this.negotiation === undefined || (this.#state !== "active" && this.#state !== "held")) {
      throw new WicError("wic/call-state");
    }
    return this.negotiation;
  }

  #setMuted(muted: boolean): void {
    this.#muted = muted;
    this.media?.setMuted(muted);
  }

  #showHold(): void {
    if (this.#state !== "active" && this.#state !== "held") return;
    this.enter(this.heldBy === undefined ? "active" : "held");
  }

  #onMedia(state: MediaState): void {
    this.#mediaState = state;
    if (state === "connected") this.#repairable = true;
    this.#events.emit("media", state);
    if (state === "failed") void this.#repair();
  }

  /**
   * One recovery at a time: signalling that works repairs media that once worked by one ICE restart; without signalling
   * the reconnection comes first, and its grace time ends the call.
   */
  async #repair(): Promise<void> {
    if (this.#cancelGrace !== undefined) return;
    if (!this.#repairable || this.negotiation === undefined) return this.fail(new WicError("wic/media-failed"));
    this.#repairable = false;
    try {
      await this.negotiation.restartIce();
    } catch (error) {
      this.fail(error);
    }
  }
}

/** How long a portal keeps a call whose browser is away (EPC-DER-04). */
const graceMs = 32_000;
