import { SipResponse } from "../message.ts";
import type { SipMessage } from "../message.ts";

export type Party = "local" | "remote";

/** Methods whose messages may carry offers and answers (RFC 6337 §2.1). */
export const offering: ReadonlySet<string> = new Set(["INVITE", "ACK", "PRACK", "UPDATE"]);

/** The message carries a session description. */
export function describesSession(message: SipMessage): boolean {
  return message.body !== "" && isSessionType(message.get("Content-Type") ?? "");
}

/** SDP, or a multipart that may hold it. */
export function isSessionType(contentType: string): boolean {
  return /^(?:application\/sdp|multipart\/)/i.test(contentType);
}

/**
 * Whose offer waits for its answer in one dialog usage (RFC 3264 §4, RFC 6337 §2). It is told of every message that counts:
 * INVITE, PRACK, UPDATE, ACK, their final responses, reliable provisional ones.
 *
 *              description of one side
 *    stable ------------------------------> offered
 *      ^       description of the other       |
 *      `--------------------------------------'
 *              3xx-6xx, no answer: rolled back
 */
export class OfferAnswer {
  #offer: { by: Party; cseq: number } | undefined;
  /** The INVITE in whose responses a description has been: further ones repeat it (RFC 6337 §2.2, pattern 1 and 3). */
  #described: number | undefined;

  /** Who has offered and waits for the answer. */
  get offerer(): Party | undefined {
    return this.#offer?.by;
  }

  /** Takes note of a message from us or from the peer. */
  note(from: Party, message: SipMessage): void {
    const { number, method } = message.cseq;
    if (!offering.has(method)) return;
    const response = message instanceof SipResponse ? message.status : undefined;
    const final = response !== undefined && response >= 200;
    // An answer, a refusal (RFC 6337 §3.1: rolled back), or a peer that forgot its answer: the offer is over.
    const over = method === "ACK" || (final && this.#offer?.by !== from && this.#offer?.cseq === number);
    const counts = describesSession(message) && (response === undefined || response < 300);
    const repeats = counts && response !== undefined && method === "INVITE" && this.#described === number;
    if (counts && response !== undefined && method === "INVITE") this.#described = number;
    if (over || (counts && !repeats && this.#offer !== undefined && this.#offer.by !== from)) this.#offer = undefined;
    else if (counts && !repeats) this.#offer ??= { by: from, cseq: number };
  }
}
