import type { Body, InviteUsage, ServerTransaction, SipMessage } from "@portico/sip";
import type { SessionMedia } from "../alg/sessionMedia.ts";
import { EpcscfError } from "../errors.ts";
import { carried } from "../policy/headers.ts";
import type { Registration } from "../registration/registration.ts";

/** Content type of every session description here. */
const sdpType = "application/sdp";

/** Methods this node takes inside a session and for it. */
export const allow = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, PUBLISH";

export const sdpBody = (text: string): Body => ({ type: sdpType, text });

/** The session description a message carries, or undefined. */
export function sdpOf(message: SipMessage): string | undefined {
  const [type = ""] = (message.get("Content-Type") ?? "").split(";", 1);
  return type.trim().toLowerCase() === sdpType && message.body !== "" ? message.body : undefined;
}

export type Side = "access" | "core";

/**
 * One call: an access leg (W2) and a core leg (Mw), each with a dialog of its own, and the media between them.
 *
 *   setup ---- accepted ----> active ----> over
 *     '---- rejected, cancelled, failed ----^
 */
export class Session {
  readonly id: string;
  readonly registration: Registration;
  readonly media: SessionMedia;
  readonly #done: (session: Session) => void;
  readonly #legs: Partial<Record<Side, InviteUsage>> = {};
  #over = false;
  /** The core has been sent an offer in a 200 and answers in its ACK. */
  awaitsCoreAnswer = false;

  constructor(options: {
    id: string;
    registration: Registration;
    media: SessionMedia;
    done: (session: Session) => void;
  }) {
    this.id = options.id;
    this.registration = options.registration;
    this.media = options.media;
    this.#done = options.done;
    this.media.on((event) => {
      if (event.type === "failed") this.release(`media failed: ${event.reason}`);
      if (event.type === "inactive") this.release("no media from the browser");
    });
  }

  get over(): boolean {
    return this.#over;
  }

  leg(side: Side): InviteUsage | undefined {
    return this.#legs[side];
  }

  setLeg(side: Side, usage: InviteUsage): void {
    this.#legs[side] = usage;
  }

  /** Ends both legs, whatever their state (EPC-SES-09). */
  release(why: string): void {
    if (this.#over) return;
    const headers: [string, string][] = [["Reason", `SIP;cause=503;text="${why}"`]];
    this.finish();
    this.#legs.access?.end(headers);
    this.#legs.core?.end(headers);
  }

  /** One leg is over: the other one follows, with the reason it gave. */
  endOther(ended: Side, message: SipMessage | undefined): void {
    if (this.#over) return;
    this.finish();
    const other = ended === "access" ? "core" : "access";
    const reasons = (message?.all("Reason") ?? []).map((value): [string, string] => ["Reason", value]);
    this.#legs[other]?.end(reasons);
  }

  /** Frees the media; no leg is touched. */
  finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.media.close();
    this.#done(this);
  }

  /** A request inside one leg's dialog. Answers in every case. */
  async inside(side: Side, tx: ServerTransaction): Promise<void> {
    const { method } = tx.request;
    if (method === "INVITE" || method === "UPDATE") return this.#renegotiate(side, tx);
    if (method !== "INFO" && method !== "MESSAGE") {
      return tx.reply(new EpcscfError("epcscf/method").status, { headers: [["Allow", allow]] });
    }
    const other = this.#legs[side === "access" ? "core" : "access"];
    if (other === undefined) return tx.reply(481);
    const { request } = tx;
    const type = request.get("Content-Type");
    const info = request.all("Info-Package").map((value): [string, string] => ["Info-Package", value]);
    const response = await other.request(method, {
      headers: [...carried(request, side === "access" ? "up" : "down"), ...info],
      ...(type === undefined || request.body === "" ? {} : { body: { type, text: request.body } }),
    });
    tx.reply(response.status, { reason: response.reason });
  }

  /** A new offer of one side becomes one for the other; refused there, it changes nothing (EPC-SES-11). */
  async #renegotiate(side: Side, tx: ServerTransaction): Promise<void> {
    const contact: [string, string][] = [["Contact", tx.request.method === "INVITE" ? this.#contactOf(side) : ""]];
    const headers = contact.filter(([, value]) => value !== "");
    const offer = sdpOf(tx.request);
    if (offer === undefined) {
      // A session refresh (RFC 4028 §7.4), or a peer that wants the offer from us.
      if (tx.request.method === "UPDATE") return tx.reply(200);
      if (side === "access") return tx.reply(488);
      this.awaitsCoreAnswer = true;
      return tx.reply(200, { headers, body: sdpBody(this.media.coreOfferAgain()) });
    }
    const other = this.#legs[side === "access" ? "core" : "access"];
    if (other === undefined) return tx.reply(481);
    const undo = this.media.checkpoint();
    try {
      const forward = side === "access" ? this.media.accessOffer(offer) : this.media.coreOffer(offer);
      const response = await other.request("INVITE", { body: sdpBody(forward) });
      const answer = sdpOf(response);
      if (this.#over) return tx.reply(481);
      if (response.status >= 300 || answer === undefined) {
        undo();
        return tx.reply(response.status >= 300 ? response.status : 500);
      }
      const back = side === "access" ? this.media.coreAnswer(answer) : this.media.accessAnswer(answer);
      tx.reply(200, { headers, body: sdpBody(back) });
    } catch (error) {
      undo();
      if (!(error instanceof EpcscfError)) throw error;
      tx.reply(error.status, { reason: error.message });
    }
  }

  #contactOf(side: Side): string {
    const usage = this.#legs[side];
    return usage?.dialog?.state.localContact ?? "";
  }
}
