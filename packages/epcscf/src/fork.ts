import {
  parseMessage,
  type ClientTransaction,
  type HeaderList,
  type Hop,
  type ServerTransaction,
  type SipRequest,
  type SipResponse,
  type UserAgent,
} from "@portico/sip";

/** What the others are told when one has taken the call (RFC 3326 §2). */
const elsewhere: HeaderList = [["Reason", 'SIP;cause=200;text="Call completed elsewhere"']];

/** The way from this node to itself. */
export class Loop implements Hop {
  readonly protocol = "TCP";
  readonly reliable = true;
  readonly sentBy: string;
  readonly #agent: UserAgent;

  constructor(agent: UserAgent, sentBy: string) {
    this.#agent = agent;
    this.sentBy = sentBy;
  }

  send(octets: string): boolean {
    queueMicrotask(() => this.#agent.receive(parseMessage(octets), this));
    return true;
  }
}

/**
 * One request of the core that is for several devices of this node, of which the core knows but one Contact: to all of them at once, as
 * a proxy forks (RFC 3261 §16.7). Each branch is a request of its own to this node, as if the core had forked.
 */
export class Fork {
  readonly #tx: ServerTransaction;
  readonly #live = new Set<ClientTransaction>();
  #best: SipResponse | undefined;
  #settled = false;
  #cancelled = false;

  /** @param branches copies of the transaction's request; at least one */
  constructor(tx: ServerTransaction, branches: readonly SipRequest[], agent: UserAgent, hop: Hop) {
    this.#tx = tx;
    if (tx.request.method === "INVITE") {
      tx.reply(100);
      tx.onCancel = (cancel) => this.#cancel(cancel);
    }
    for (const branch of branches) {
      const client = agent.transactions.request(branch, hop, {
        response: (response) => this.#heard(client, response),
        failed: () => this.#done(client),
      });
      this.#live.add(client);
    }
  }

  #heard(client: ClientTransaction, received: SipResponse): void {
    const { status } = received;
    if (status === 100) return;
    const response = received.clone().removeFirst("Via");
    if (status < 200) {
      if (!this.#settled) this.#tx.respond(response);
    } else if (status < 300) {
      // RFC 3261 §16.7, step 5: every 2xx to INVITE goes back, a second device's too.
      if (!this.#settled || this.#tx.request.method === "INVITE") this.#tx.respond(response);
      this.#settled = true;
      this.#live.delete(client);
      this.#cancelAll(elsewhere);
    } else {
      if (this.#best === undefined || rank(status) < rank(this.#best.status)) this.#best = response;
      if (status >= 600) this.#cancelAll(elsewhere);
      this.#done(client);
    }
  }

  #done(client: ClientTransaction): void {
    this.#live.delete(client);
    if (this.#live.size > 0 || this.#settled) return;
    this.#settled = true;
    if (this.#cancelled) this.#tx.reply(487);
    // RFC 5626 §5.3.1: 430 says that a flow is gone; to the core it would be the block's.
    else if (this.#best === undefined || this.#best.status === 430) this.#tx.reply(480);
    else this.#tx.respond(this.#best);
  }

  #cancel(cancel: SipRequest): void {
    this.#cancelled = true;
    this.#cancelAll(cancel.all("Reason").map((value): [string, string] => ["Reason", value]));
  }

  #cancelAll(headers: HeaderList): void {
    for (const client of this.#live) client.cancel(headers);
  }
}

/** RFC 3261 §16.7, step 6: 6xx before all, then the lowest class; a user's word says more than that she was not reached. */
function rank(status: number): number {
  if (status >= 600) return 0;
  return Math.floor(status / 100) * 10 + ([408, 430, 480, 487].includes(status) ? 5 : 0);
}
