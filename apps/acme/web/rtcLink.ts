import type { HubMessage, PageMessage } from "../src/rtc/protocol.ts";
import { closedSignedOut } from "../src/rtc/closeCodes.ts";
import { Listeners } from "./listeners.ts";

/** Silence after which the server is asked, and after which a server that was asked is given up; milliseconds. */
const askAfter = 15_000;
const giveUpAfter = 25_000;

/** Messages kept while the socket is away. */
const queueLimit = 64;

/**
 *     connecting -> open -> waiting -> connecting ...
 *          \-> closed (signed out)
 */
export type LinkState = "connecting" | "open" | "waiting" | "closed";

/** This page's connection to Acme's own signalling; comes back by itself, as the same page to the server. */
export class RtcLink {
  readonly message: Listeners<HubMessage> = new Listeners();
  readonly changed: Listeners<LinkState> = new Listeners();
  readonly #url: string;
  #socket: WebSocket | undefined;
  #state: LinkState = "connecting";
  #attempts = 0;
  #retry: number | undefined;
  #heard = performance.now();
  #queue: PageMessage[] = [];
  readonly #watch: number;

  constructor(origin: string) {
    this.#url = `${origin.replace(/^http/, "ws")}/rtc?tab=${crypto.randomUUID()}`;
    this.#watch = setInterval(() => this.#listen(), 5000);
    addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
    this.#open();
  }

  get state(): LinkState {
    return this.#state;
  }

  send(message: PageMessage): void {
    if (this.#state === "open") this.#socket?.send(JSON.stringify(message));
    else if (this.#queue.length < queueLimit) this.#queue.push(message);
  }

  close(): void {
    clearInterval(this.#watch);
    clearTimeout(this.#retry);
    removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
    this.#enter("closed");
    this.#socket?.close(1000);
  }

  #open(): void {
    clearTimeout(this.#retry);
    this.#enter("connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#heard = performance.now();
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heard = performance.now();
      this.#receive(JSON.parse(String(data)) as HubMessage);
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket === this.#socket) this.#lost(code);
    });
  }

  #receive(message: HubMessage): void {
    if (message.type === "welcome") {
      this.#attempts = 0;
      const waiting = this.#queue.splice(0);
      this.#enter("open");
      // What waited belongs to calls that the server has forgotten, unless it knew this page again.
      if (message.resumed) for (const queued of waiting) this.send(queued);
    }
    this.message.tell(message);
  }

  #lost(code: number): void {
    this.#socket = undefined;
    if (code === closedSignedOut) return this.#enter("closed");
    if (this.#state === "closed") return;
    this.#enter("waiting");
    // Half a second first, doubled up to 15 s, spread by half so that a restarted server is not met by all at once.
    const delay = Math.min(15_000, 500 * 2 ** this.#attempts++) * (0.5 + Math.random());
    this.#retry = setTimeout(() => this.#open(), delay);
  }

  /** The network came back, or the user did: do not sit the delay out. */
  readonly #hurry = (): void => {
    if (this.#state === "waiting" && document.visibilityState === "visible") this.#open();
  };

  /** Browsers notice a dead connection late or never: ask, and give up. */
  #listen(): void {
    const silence = performance.now() - this.#heard;
    const socket = this.#socket;
    if (socket === undefined) return;
    if (silence > giveUpAfter) {
      socket.close();
      this.#lost(1006);
    } else if (silence > askAfter && this.#state === "open") this.send({ type: "ping" });
  }

  #enter(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.changed.tell(state);
  }
}
