import type { Candidate, EndReason, PageMessage } from "./protocol.ts";
import type { Tab } from "./tab.ts";

/** Milliseconds a call may ring. */
const ringLimit = 60_000;

/**
 * A direct call as the server sees it:
 *
 *     ringing --answer--> answered --hangup, left--> over
 *        \--decline, busy, timeout, hangup, unreachable--> over
 */
interface DirectCall {
  readonly id: string;
  readonly caller: Tab;
  /** Pages that still ring; empty once answered. */
  readonly ringing: Set<Tab>;
  callee?: Tab;
  readonly stopTimer: () => void;
}

/** Carries offers, answers and candidates between the pages of a direct call, and ends it for all when it ends for one. */
export class DirectCalls {
  readonly #calls = new Map<string, DirectCall>();
  readonly #tabsOf: (user: string) => Tab[];
  readonly #setTimer: (ms: number, run: () => void) => () => void;

  constructor(tabsOf: (user: string) => Tab[], setTimer: (ms: number, run: () => void) => () => void) {
    this.#tabsOf = tabsOf;
    this.#setTimer = setTimer;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** True while the page calls somebody or has answered; a page that only rings is free. */
  engages(tab: Tab): boolean {
    return this.#all().some((call) => call.caller === tab || call.callee === tab);
  }

  involves(tab: Tab): boolean {
    return this.engages(tab) || this.#all().some((call) => call.ringing.has(tab));
  }

  place(caller: Tab, id: string, to: string, sdp: string): void {
    const end = (reason: EndReason): void => caller.send({ type: "ended", call: id, reason });
    if (this.#calls.has(id) || this.engages(caller)) return end("failed");
    const tabs = to === caller.account.id ? [] : this.#tabsOf(to);
    if (tabs.length === 0) return end("unreachable");
    if (tabs.some((tab) => tab.busy || this.engages(tab))) return end("busy");
    const stopTimer = this.#setTimer(ringLimit, () => this.#end(id, "timeout"));
    this.#calls.set(id, { id, caller, ringing: new Set(tabs), stopTimer });
    const { id: user, name } = caller.account;
    for (const tab of tabs) tab.send({ type: "incoming", call: id, from: { id: user, name }, sdp });
  }

  ringing(tab: Tab, id: string): void {
    const call = this.#calls.get(id);
    if (call?.ringing.has(tab)) call.caller.send({ type: "ringing", call: id });
  }

  answer(tab: Tab, id: string, sdp: string): void {
    const call = this.#calls.get(id);
    if (!call?.ringing.has(tab)) return tab.send({ type: "ended", call: id, reason: "answered-elsewhere" });
    call.stopTimer();
    call.callee = tab;
    call.ringing.delete(tab);
    for (const other of call.ringing) other.send({ type: "ended", call: id, reason: "answered-elsewhere" });
    call.ringing.clear();
    call.caller.send({ type: "answered", call: id, sdp });
  }

  candidate(tab: Tab, id: string, candidate: Candidate | null): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    if (tab === call.callee) call.caller.send({ type: "candidate", call: id, candidate });
    if (tab !== call.caller) return;
    for (const peer of call.callee === undefined ? call.ringing : [call.callee])
      peer.send({ type: "candidate", call: id, candidate });
  }

  /** Passes a new offer, or its answer, to the other side of an answered call. */
  renew(tab: Tab, message: Extract<PageMessage, { type: "renew" }>): void {
    const call = this.#calls.get(message.call);
    if (call?.callee === undefined) return;
    if (tab === call.caller) call.callee.send(message);
    else if (tab === call.callee) call.caller.send(message);
  }

  /** One page says no for all pages of its person. */
  decline(tab: Tab, id: string): void {
    if (this.#calls.get(id)?.ringing.has(tab)) this.#end(id, "declined");
  }

  /** A page that is taken by something the server does not see; its person's other pages ring on. */
  busy(tab: Tab, id: string): void {
    const call = this.#calls.get(id);
    if (call?.ringing.delete(tab) && call.ringing.size === 0) this.#end(id, "busy");
  }

  /** The sender gets `ended` too: from then on nothing of this call can reach the other side any more. */
  hangUp(tab: Tab, id: string, reason: EndReason): void {
    const call = this.#calls.get(id);
    if (call?.caller === tab || call?.callee === tab) this.#end(id, reason);
    else tab.send({ type: "ended", call: id, reason });
  }

  /** A page is gone for good. */
  leave(tab: Tab): void {
    for (const call of this.#all()) {
      if (call.caller === tab || call.callee === tab) this.#end(call.id, "left");
      else if (call.ringing.delete(tab) && call.ringing.size === 0) this.#end(call.id, "unreachable");
    }
  }

  close(): void {
    for (const call of this.#all()) call.stopTimer();
    this.#calls.clear();
  }

  #end(id: string, reason: EndReason): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    call.stopTimer();
    const parties = new Set([call.caller, ...call.ringing]);
    if (call.callee !== undefined) parties.add(call.callee);
    for (const tab of parties) tab.send({ type: "ended", call: id, reason });
  }

  #all(): DirectCall[] {
    return [...this.#calls.values()];
  }
}
