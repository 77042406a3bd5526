import type { Colleague } from "../api.ts";
import { Listeners } from "../listeners.ts";
import type { Route } from "../route.ts";
import { describeEnd, nameOf, type Ending } from "./endings.ts";
import type { EndCause, LineCall, Party } from "./line.ts";
import type { CallView } from "./view.ts";

/** A direct call that nobody answers goes on by IMS after this many milliseconds (GEN-06). */
const fallbackMs = 15_000;

/** A direct call must be over before the same call starts by IMS; a server that does not confirm is waited for this long. */
const confirmMs = 1000;

/** What the arbiter uses; the page gives the real ones. */
export interface ArbiterPorts {
  callDirect(colleague: Colleague, microphone: MediaStream): LineCall;
  callIms(number: string, microphone: MediaStream): LineCall;
  /** True while a call by IMS can be placed. */
  imsReady(): boolean;
  /** Rejects when the user or the system gives no microphone. */
  openMicrophone(): Promise<MediaStream>;
  releaseMicrophone(): void;
  /** The colleague who holds a number. */
  colleagueOf(number: string): Colleague | undefined;
  setTimer(ms: number, run: () => void): () => void;
  now(): number;
}

/**
 * Owns microphone, ringing and "busy" of this page, for direct calls and calls by IMS alike: there is one call at a
 * time, whichever path it takes, and the two paths are never tried at once.
 */
export class Arbiter {
  readonly changed: Listeners = new Listeners();
  readonly #ports: ArbiterPorts;
  #view: CallView | undefined;
  #call: LineCall | undefined;
  #forget: () => void = () => undefined;
  #stopTimer: () => void = () => undefined;
  /** Counts calls; work that waited for something goes on only if its call is still the one. */
  #generation = 0;

  constructor(ports: ArbiterPorts) {
    this.#ports = ports;
  }

  get view(): CallView | undefined {
    return this.#view;
  }

  /** True from the first ring to the end of a call. */
  get busy(): boolean {
    return this.#view !== undefined && this.#view.phase !== "ended";
  }

  get stream(): MediaStream | undefined {
    return this.#call?.stream;
  }

  /** What should sound: her own telephone, the far one, or nothing. */
  get sound(): "ring" | "ringback" | "none" {
    if (this.#view?.phase === "incoming") return "ring";
    return this.#view?.phase === "ringing" && !this.#view.early ? "ringback" : "none";
  }

  /** Starts a call. Does nothing while there is one. */
  async call(route: Route): Promise<void> {
    if (this.busy) return;
    if (route.path === "none") {
      const fresh = { phase: "calling", direction: "out", path: "ims", party: {}, muted: false } as const;
      return this.#finish(fresh, route.why);
    }
    const generation = ++this.#generation;
    const party =
      route.path === "direct" ? partyOf(route.colleague) : { ...partyOf(route.colleague), number: route.number };
    this.#show({ phase: "calling", direction: "out", path: route.path, party, muted: false });
    const microphone = await this.#microphone(generation);
    if (microphone === undefined) return;
    if (route.path === "ims") return this.#callIms(route.number, microphone);
    this.#adopt(this.#ports.callDirect(route.colleague, microphone), (cause) =>
      this.#directEnded(cause, route.fallback),
    );
    // Without a number to go on with, it may ring as long as the server lets it.
    const tooLong = (): void => {
      if (route.fallback !== undefined && this.#ports.imsReady()) void this.#fallBack(route.fallback, "no-answer");
    };
    this.#stopTimer = this.#ports.setTimer(fallbackMs, tooLong);
  }

  /** A call has come in on one of the lines. */
  offer(call: LineCall): void {
    const before = this.#view;
    if (this.busy && before !== undefined) {
      const same = before.party.user !== undefined && before.party.user === this.#who(call.party).user;
      const waiting = before.phase !== "active" && before.phase !== "held";
      // The caller's page has given up the direct call; its end may come after the call by IMS.
      const follows = same && before.direction === "in" && before.path === "direct" && call.path === "ims";
      // Both called each other: the server let hers through, ours is over.
      const crossed = same && before.direction === "out" && before.path === "direct" && call.path === "direct";
      if (!waiting || (!follows && !crossed)) return call.decline("busy");
      this.#drop();
      this.#ring(call);
      if (crossed || before.phase === "connecting") void this.answer();
      return;
    }
    this.#ring(call);
  }

  async answer(): Promise<void> {
    const call = this.#call;
    if (this.#view?.phase !== "incoming" || call === undefined) return;
    this.#update({ phase: "connecting" });
    const microphone = await this.#microphone(this.#generation);
    if (microphone !== undefined) call.answer(microphone);
  }

  decline(): void {
    if (this.#view?.phase !== "incoming") return;
    const call = this.#call;
    this.#drop();
    call?.decline("declined");
    this.#ports.releaseMicrophone();
    this.#show(undefined);
  }

  hangUp(): void {
    if (!this.busy) return;
    const call = this.#call;
    this.#drop();
    call?.hangUp("hangup");
    this.#close("hangup");
  }

  setMuted(muted: boolean): void {
    if (!this.busy) return;
    this.#call?.setMuted(muted);
    this.#update({ muted });
  }

  /** @returns false when it could not be sent. */
  sendDigit(digit: string): boolean {
    return this.#call?.sendDigit(digit) ?? false;
  }

  /** Takes the notice of the last call away. */
  dismiss(): void {
    if (this.#view?.phase === "ended") this.#show(undefined);
  }

  #ring(call: LineCall): void {
    this.#generation += 1;
    const party = this.#who(call.party);
    this.#show({ phase: "incoming", direction: "in", path: call.path, party, muted: false });
    this.#adopt(call, (cause, text) => this.#close(cause, text));
  }

  #callIms(number: string, microphone: MediaStream): void {
    if (!this.#ports.imsReady()) return this.#close("not-connected");
    try {
      this.#adopt(this.#ports.callIms(number, microphone), (cause, text) => this.#close(cause, text));
    } catch (error) {
      // The SDK takes no such number, or is not registered any more.
      this.#close("refused", error instanceof Error ? error.message : undefined);
    }
  }

  #adopt(call: LineCall, onEnd: (cause: EndCause, text?: string) => void): void {
    this.#call = call;
    const follow = (): void => {
      if (call.end !== undefined) {
        this.#drop();
        return onEnd(call.end.cause, call.end.text);
      }
      this.#follow(call);
    };
    this.#forget = call.onChange(follow);
    if (this.#view?.muted) call.setMuted(true);
    follow();
  }

  /** Mirrors a line's state in the view. */
  #follow({ state }: LineCall): void {
    const { direction, since } = this.#view ?? {};
    switch (state) {
      case "ringing":
      case "early":
        if (direction === "out") this.#update({ phase: "ringing", early: state === "early" });
        break;
      case "connecting":
        this.#stopTimer();
        this.#update({ phase: "connecting" });
        break;
      case "active":
      case "held":
        this.#stopTimer();
        this.#update({ phase: state, since: since ?? this.#ports.now() });
        break;
      case "dialling":
      case "ended":
        break;
    }
    this.changed.tell();
  }

  #directEnded(cause: EndCause, fallback: string | undefined): void {
    const missed = cause === "unreachable" || cause === "no-answer" || cause === "failed" || cause === "lost";
    const answered = this.#view?.since !== undefined;
    if (missed && !answered && fallback !== undefined && this.#ports.imsReady()) void this.#fallBack(fallback, cause);
    else this.#close(cause);
  }

  /** The direct call did not come about: the same call by IMS, after the direct one is over for certain. */
  async #fallBack(number: string, cause: EndCause): Promise<void> {
    const generation = this.#generation;
    const call = this.#call;
    this.#drop();
    const why = cause === "no-answer" ? "No answer in the browser." : "No direct connection.";
    const note = `${why} Calling by the telephone network.`;
    this.#update({ path: "ims", phase: "calling", party: { ...this.#view?.party, number }, note });
    if (call !== undefined && call.end === undefined) {
      call.hangUp("moved");
      await this.#overOf(call);
    }
    if (generation !== this.#generation) return;
    const microphone = await this.#microphone(generation);
    if (microphone !== undefined) this.#callIms(number, microphone);
  }

  #overOf(call: LineCall): Promise<void> {
    if (call.end !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.#ports.setTimer(confirmMs, resolve);
      const forget = call.onChange(() => {
        if (call.end === undefined) return;
        stop();
        forget();
        resolve();
      });
    });
  }

  /** The microphone, if the call that wants it is still the one; a refusal ends that call. */
  async #microphone(generation: number): Promise<MediaStream | undefined> {
    try {
      const microphone = await this.#ports.openMicrophone();
      if (generation === this.#generation && this.busy) return microphone;
      if (!this.busy) this.#ports.releaseMicrophone();
    } catch (error) {
      if (generation !== this.#generation || !this.busy) return undefined;
      const call = this.#call;
      const incoming = this.#view?.direction === "in";
      this.#drop();
      if (incoming) call?.decline("busy");
      this.#close(
        error instanceof DOMException && error.name === "NotAllowedError" ? "no-permission" : "no-microphone",
      );
    }
    return undefined;
  }

  #who(party: Party): Party {
    const colleague = party.number === undefined ? undefined : this.#ports.colleagueOf(party.number);
    return colleague === undefined ? party : { ...party, ...partyOf(colleague) };
  }

  /** Lets go of the line's call without ending it. */
  #drop(): void {
    this.#stopTimer();
    this.#forget();
    this.#stopTimer = this.#forget = () => undefined;
    this.#call = undefined;
  }

  #close(cause: Ending, text?: string): void {
    if (this.#view !== undefined) this.#finish(this.#view, cause, text);
  }

  #finish(view: CallView, cause: Ending, text?: string): void {
    this.#generation += 1;
    this.#drop();
    this.#ports.releaseMicrophone();
    const seconds = view.since === undefined ? 0 : Math.round((this.#ports.now() - view.since) / 1000);
    const missed = view.direction === "in" && view.phase === "incoming";
    const end = describeEnd(cause, { who: nameOf(view.party), missed, text });
    const { since: _, note: __, ...rest } = view;
    this.#show(end === undefined ? undefined : { ...rest, phase: "ended", seconds, end });
  }

  #update(change: Partial<CallView>): void {
    if (this.#view !== undefined) this.#show({ ...this.#view, ...change });
  }

  #show(view: CallView | undefined): void {
    this.#view = view;
    this.changed.tell();
  }
}

function partyOf(colleague: Colleague | undefined): Party {
  if (colleague === undefined) return {};
  const { id, name, tel } = colleague;
  return { user: id, name, ...(tel === undefined ? {} : { number: tel }) };
}
