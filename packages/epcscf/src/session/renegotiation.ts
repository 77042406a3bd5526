import type { InviteUsage, ServerTransaction, SipResponse } from "@portico/sip";
import type { SessionMedia } from "../alg/sessionMedia.ts";
import { EpcscfError } from "../errors.ts";
import { isOpaque, sdpBody, sdpOf } from "./body.ts";
import type { Side } from "./side.ts";

/** What a renegotiation needs of the session it happens in. */
export interface Renegotiable {
  readonly media: SessionMedia;
  readonly over: boolean;
  /** The core has been sent an offer in a 200 and answers in its ACK. */
  awaitsCoreAnswer: boolean;
  leg(side: Side): InviteUsage | undefined;
  /** Headers of this node's own requests on a leg. */
  headers(side: Side): [string, string][];
}

/**
 * A re-INVITE or UPDATE inside a session: a new offer of one side becomes one for the other; refused there, it changes
 * nothing (EPC-SES-11, RFC 6337 §3). Answers, or throws what refuses it.
 */
export async function renegotiate(session: Renegotiable, side: Side, tx: ServerTransaction): Promise<void> {
  const { request } = tx;
  if (isOpaque(request)) throw new EpcscfError("epcscf/body");
  const contact = session.leg(side)?.dialog?.state.localContact;
  const headers: [string, string][] = contact === undefined ? [] : [["Contact", contact]];
  const offer = sdpOf(request);
  const other = session.leg(side === "access" ? "core" : "access");
  if (offer === undefined) {
    // A session refresh (RFC 4028 §7.4), or a peer that wants the offer from us.
    if (request.method === "UPDATE") return tx.reply(200, { headers });
    if (side === "access") throw new EpcscfError("epcscf/no-common-media");
    session.awaitsCoreAnswer = true;
    return tx.reply(200, { headers, body: sdpBody(session.media.coreOfferAgain()) });
  }
  if (side === "core" && other?.role === "callee" && (other.state === "calling" || other.state === "early")) {
    // The browser has its answer already and no dialog for another offer: the far end alone moves (RFC 3311 §5.2).
    return tx.reply(200, { headers, body: sdpBody(session.media.coreOfferEarly(offer)) });
  }
  if (other === undefined) return tx.reply(481);
  const undo = session.media.checkpoint();
  try {
    const forward = side === "access" ? session.media.accessOffer(offer) : session.media.coreOffer(offer);
    const response = await other.request("INVITE", {
      headers: session.headers(side === "access" ? "core" : "access"),
      body: sdpBody(forward),
    });
    if (session.over) return tx.reply(481);
    const answer = sdpOf(response);
    if (response.status >= 300 || answer === undefined) {
      undo();
      return refuse(tx, response);
    }
    const back = side === "access" ? session.media.coreAnswer(answer) : session.media.accessAnswer(answer);
    tx.reply(200, { headers, body: sdpBody(back) });
  } catch (error) {
    undo();
    throw error;
  }
}

/** The other side's refusal of an offer; its challenges and redirections are not this side's to act on. */
function refuse(tx: ServerTransaction, response: SipResponse): void {
  const { status } = response;
  const retry = response.get("Retry-After");
  if (status < 300) return tx.reply(500);
  if (status < 400 || status === 401 || status === 407) return tx.reply(488);
  return tx.reply(status, retry === undefined ? {} : { headers: [["Retry-After", retry]] });
}
