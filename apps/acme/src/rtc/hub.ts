import type { Account } from "../idp/accounts.ts";
import { closedSignedOut } from "./closeCodes.ts";
import { DirectCalls } from "./directCalls.ts";
import type { PageMessage, Presence } from "./protocol.ts";
import { Tab, type Link } from "./tab.ts";

/** Milliseconds a page on a call may be without its socket. */
const graceMs = 10_000;

/** Pages of one person at most; the oldest is closed for the next. */
const tabLimit = 8;

/** The third party's own real-time service: who is there, and direct calls between those who are. */
export class Hub {
  readonly #tabs = new Map<string, Tab>();
  readonly #stopGrace = new Map<Tab, () => void>();
  readonly #calls: DirectCalls;
  readonly #published = new Map<string, Presence>();
  readonly #setTimer: (ms: number, run: () => void) => () => void;

  constructor(setTimer: (ms: number, run: () => void) => () => void) {
    this.#setTimer = setTimer;
    this.#calls = new DirectCalls((user) => this.#tabsOf(user), setTimer);
  }

  presenceOf(user: string): Presence {
    const tabs = this.#tabsOf(user);
    if (tabs.length === 0) return "offline";
    return tabs.some((tab) => tab.busy || this.#calls.engages(tab)) ? "busy" : "online";
  }

  /** A page has opened its socket, for the first time or again. @param id chosen by the page, a random UUID. */
  attach(id: string, account: Account, session: string, link: Link): Tab {
    const known = this.#tabs.get(id);
    const resumed = known !== undefined && known.session === session;
    if (known !== undefined && !resumed) this.#remove(known);
    const tab = resumed ? known : new Tab(id, account, session, link);
    if (resumed) tab.attach(link);
    this.#stopGrace.get(tab)?.();
    this.#stopGrace.delete(tab);
    this.#tabs.set(id, tab);
    const [oldest, ...others] = this.#tabsOf(account.id);
    if (oldest !== undefined && others.length >= tabLimit) {
      oldest.close(1000, "too many pages");
      this.#remove(oldest);
    }
    tab.send({ type: "welcome", presence: Object.fromEntries(this.#published), resumed });
    tab.flush();
    this.#publish(account.id);
    return tab;
  }

  /** A page's socket is gone. @param forGood the page said so; else it may come back while it is on a call. */
  detach(tab: Tab, link: Link, forGood: boolean): void {
    if (!tab.carriedBy(link)) return;
    tab.detach();
    if (forGood || !this.#calls.engages(tab)) return this.#remove(tab);
    this.#stopGrace.set(
      tab,
      this.#setTimer(graceMs, () => this.#remove(tab)),
    );
    this.#publish(tab.account.id);
  }

  receive(tab: Tab, message: PageMessage): void {
    switch (message.type) {
      case "ping":
        return tab.send({ type: "pong" });
      case "status":
        tab.busy = message.busy;
        break;
      case "call":
        this.#calls.place(tab, message.call, message.to, message.sdp);
        break;
      case "ringing":
        return this.#calls.ringing(tab, message.call);
      case "answer":
        this.#calls.answer(tab, message.call, message.sdp);
        break;
      case "candidate":
        return this.#calls.candidate(tab, message.call, message.candidate);
      case "renew":
        return this.#calls.renew(tab, message);
      case "decline":
        this.#calls.decline(tab, message.call);
        break;
      case "busy":
        this.#calls.busy(tab, message.call);
        break;
      case "hangup":
        this.#calls.hangUp(tab, message.call, message.reason);
        break;
    }
    this.#publishAll();
  }

  /** Somebody's number is new: the pages ask for the list again. */
  tellDirectoryChanged(): void {
    for (const tab of this.#tabs.values()) tab.send({ type: "directory" });
  }

  /** The web session has ended: its pages are shown the door. */
  endSession(session: string): void {
    for (const tab of this.#tabs.values()) {
      if (tab.session !== session) continue;
      tab.close(closedSignedOut, "signed out");
      this.#remove(tab);
    }
  }

  close(): void {
    for (const stop of this.#stopGrace.values()) stop();
    for (const tab of this.#tabs.values()) tab.close(1001, "the server stops");
    this.#calls.close();
    this.#tabs.clear();
  }

  #remove(tab: Tab): void {
    if (this.#tabs.get(tab.id) !== tab) return;
    this.#tabs.delete(tab.id);
    this.#stopGrace.get(tab)?.();
    this.#stopGrace.delete(tab);
    this.#calls.leave(tab);
    this.#publishAll();
    this.#publish(tab.account.id);
  }

  /** Pages with a live socket. */
  #tabsOf(user: string): Tab[] {
    return [...this.#tabs.values()].filter((tab) => tab.account.id === user && tab.attached);
  }

  #publishAll(): void {
    for (const user of new Set([...this.#tabs.values()].map((tab) => tab.account.id))) this.#publish(user);
  }

  /** Tells everybody, when it has changed. */
  #publish(user: string): void {
    const presence = this.presenceOf(user);
    if ((this.#published.get(user) ?? "offline") === presence) return;
    if (presence === "offline") this.#published.delete(user);
    else this.#published.set(user, presence);
    for (const tab of this.#tabs.values()) tab.send({ type: "presence", user, presence });
  }
}
