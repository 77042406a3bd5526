import type { InviteUsage, ServerTransaction, SessionTimer, SipRequest } from "@portico/sip";
import type { Direction } from "@portico/sdp";
import type { CallMedia } from "./callMedia.ts";
import { WicError } from "./errors.ts";
import type { WicErrorCode } from "./errors.ts";
import { allow } from "./headers.ts";

/** Who keeps the call on hold. */
export type HeldBy = "local" | "remote" | "both";

const glareTries = 4;

/**
 * Offers and answers inside one established call, one at a time (RFC 3264 §4, RFC 6337). The hold state follows only what
 * an answer has confirmed.
 */
export class Negotiation {
  readonly #media: CallMedia;
  readonly #usage: InviteUsage;
  readonly #onHold: () => void;
  readonly #pause: () => Promise<void>;
  readonly #timer: SessionTimer;
  readonly #contact: string;
  #queue: Promise<void> = Promise.resolve();
  #localHold = false;
  #remoteHold = false;
  /** Our offer in a 2xx waits for its answer in the ACK; "" when that has none. */
  #onAnswer: ((sdp: string) => void) | undefined;

  constructor(o: {
    media: CallMedia;
    usage: InviteUsage;
    timer: SessionTimer;
    contact: string;
    onHold(): void;
    /** The wait after a 491. */
    pause(): Promise<void>;
  }) {
    this.#media = o.media;
    this.#usage = o.usage;
    this.#timer = o.timer;
    this.#contact = o.contact;
    this.#onHold = () => o.onHold();
    this.#pause = () => o.pause();
  }

  get heldBy(): HeldBy | undefined {
    if (this.#localHold) return this.#remoteHold ? "both" : "local";
    return this.#remoteHold ? "remote" : undefined;
  }

  /** The direction in an offer of the other side, or in its answer to an offer of ours that would hear it. */
  remoteDirection(direction: Direction): void {
    const remoteHold = direction === "sendonly" || direction === "inactive";
    if (remoteHold === this.#remoteHold) return;
    this.#remoteHold = remoteHold;
    this.#onHold();
  }

  /** Answers a re-INVITE or UPDATE (RFC 3261 §14.2, RFC 3311 §5.2), or says that there is no such method. */
  receive(tx: ServerTransaction): void {
    const { method } = tx.request;
    if (method === "OPTIONS") return tx.reply(200, { headers: [["Allow", allow]] });
    if (method !== "INVITE" && method !== "UPDATE") return tx.reply(405, { headers: [["Allow", allow]] });
    if (method === "INVITE" && tx.request.body === "") return void this.#enqueue(() => this.#offerInAnswer(tx));
    return void this.#enqueue(() => this.#answer(tx));
  }

  /** An ACK to a 2xx of ours inside the call. */
  acknowledged(ack: SipRequest): void {
    this.#onAnswer?.(ack.body);
    this.#onAnswer = undefined;
  }

  /** Puts the call on hold or takes it back. @throws WicError `wic/hold-refused` */
  async hold(held: boolean): Promise<void> {
    await this.#offerUntilAnswered("wic/hold-refused", async () => {
      if (held === this.#localHold) return 200;
      const status = await this.#offer({ held });
      if (status < 300) {
        this.#localHold = held;
        this.#media.setHeld(held);
        this.#onHold();
      }
      return status;
    });
  }

  /** Looks for a new path for the media after the network has changed (RFC 8839 §4.4). @throws WicError `wic/media-failed` */
  async restartIce(): Promise<void> {
    await this.#offerUntilAnswered("wic/media-failed", () => this.#offer({ held: this.#localHold, iceRestart: true }));
  }

  async #offerUntilAnswered(failure: WicErrorCode, offer: () => Promise<number>): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const status = await this.#enqueue(offer);
      if (status < 300) return;
      if (status !== 491 || tries === glareTries) throw new WicError(failure, { status });
      // RFC 3261 §14.1: both sides offered at once. The other side's offer is answered meanwhile.
      await this.#pause();
    }
  }

  /** One re-INVITE. @returns its final status */
  async #offer(options: { held: boolean; iceRestart?: boolean }): Promise<number> {
    const text = await this.#media.offer(options);
    const response = await this.#usage.request("INVITE", {
      headers: this.#offerHeaders(),
      body: { type: "application/sdp", text },
    });
    if (response.status < 300) this.#timer.answered(response);
    const accepted = response.status < 300;
    if (!accepted || response.body === "") {
      await this.#media.rollback(this.#localHold);
      return accepted ? 488 : response.status;
    }
    const direction = await this.#media.acceptAnswer(response.body).catch(async (error: unknown) => {
      await this.#media.rollback(this.#localHold);
      throw error;
    });
    // To our own hold (sendonly) the answer is recvonly or inactive, which says nothing about theirs (RFC 3264 §6.1).
    if (!options.held) this.remoteDirection(direction);
    return response.status;
  }

  async #answer(tx: ServerTransaction): Promise<void> {
    const { request } = tx;
    // An UPDATE without an offer only refreshes the session.
    if (request.body === "") return tx.reply(200, { headers: this.#headers(request) });
    try {
      const { sdp, direction } = await this.#media.answer(request.body, { held: this.#localHold });
      tx.reply(200, { headers: this.#headers(request), body: { type: "application/sdp", text: sdp } });
      this.remoteDirection(direction);
    } catch {
      tx.reply(488);
    }
  }

  /** A re-INVITE that leaves the offer to us; nothing else is negotiated until its ACK has brought the answer. */
  async #offerInAnswer(tx: ServerTransaction): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#onAnswer = resolve;
    try {
      const text = await this.#media.offer({ held: this.#localHold });
      tx.reply(200, { headers: this.#headers(tx.request), body: { type: "application/sdp", text } });
    } catch {
      return tx.reply(488);
    }
    try {
      this.remoteDirection(await this.#media.acceptAnswer(await promise));
    } catch {
      // Without an answer that can be used things stay as they were.
      await this.#media.rollback(this.#localHold);
    }
  }

  #offerHeaders(): [string, string][] {
    return [["Supported", "timer"], ["Allow", allow], ...this.#timer.terms()];
  }

  #headers(request: SipRequest): [string, string][] {
    return [["Contact", this.#contact], ["Allow", allow], ...this.#timer.asked(request)];
  }

  #enqueue<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(step);
    this.#queue = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }
}
