import type { Account } from "../idp/accounts.ts";
import type { HubMessage } from "./protocol.ts";

/** What carries messages to a page; the socket server gives one for each WebSocket. */
export interface Link {
  send(message: HubMessage): void;
  close(code: number, reason: string): void;
}

/** Messages kept for a page whose socket is away. */
const queueLimit = 64;

/** One open page of a signed-in person. It outlives its socket for a few seconds, so that a call survives a network change. */
export class Tab {
  readonly id: string;
  readonly account: Account;
  /** Handle of the web session it belongs to. */
  readonly session: string;
  /** As the page says: it is on a call of any kind. */
  busy = false;
  #link: Link | undefined;
  #queue: HubMessage[] = [];

  constructor(id: string, account: Account, session: string, link: Link) {
    this.id = id;
    this.account = account;
    this.session = session;
    this.#link = link;
  }

  get attached(): boolean {
    return this.#link !== undefined;
  }

  carriedBy(link: Link): boolean {
    return this.#link === link;
  }

  send(message: HubMessage): void {
    if (this.#link !== undefined) this.#link.send(message);
    else if (this.#queue.length < queueLimit) this.#queue.push(message);
  }

  /** Takes a new socket in place of the old one. */
  attach(link: Link): void {
    this.#link?.close(1000, "replaced");
    this.#link = link;
  }

  /** Sends what has waited, in order; after the welcome. */
  flush(): void {
    for (const message of this.#queue.splice(0)) this.#link?.send(message);
  }

  detach(): void {
    this.#link = undefined;
  }

  close(code: number, reason: string): void {
    this.#link?.close(code, reason);
    this.#link = undefined;
  }
}
