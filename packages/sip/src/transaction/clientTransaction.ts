import type { HeaderList, SipRequest, SipResponse } from "../message.ts";
import type { Hop } from "../ports.ts";

/**
 * Why a client transaction ended without a final response (RFC 3261 §17.1.4).
 *
 * @example
 * const said: Record<ClientFailure, string> = { timeout: "no answer", transport: "no way to the peer" };
 */
export type ClientFailure = "timeout" | "transport";

/** The transaction user of a client transaction. Calls come after `request()` has returned. */
export interface ClientListener {
  /** Every provisional and final response; of an INVITE also each further 2xx (RFC 6026 §7.2). */
  response(response: SipResponse): void;
  /** No final response will come; told at most once and never after one. */
  failed(why: ClientFailure): void;
}

/** A request on its way to a neighbour (RFC 3261 §17.1). */
export interface ClientTransaction {
  /** The request as sent, with our Via on top. */
  readonly request: SipRequest;
  readonly hop: Hop;
  readonly state: "calling" | "trying" | "proceeding" | "completed" | "accepted" | "terminated";
  /**
   * Cancels an INVITE: at once, or as soon as the first provisional response has come (RFC 3261 §9.1). Without effect
   * after a final response, and on other methods. The final response (487, or a 2xx that crossed) still arrives.
   */
  cancel(headers?: HeaderList): void;
  /**
   * Nobody waits for an answer any more: nothing is sent again, and nothing told. A request that was late on its way here, and has
   * been answered elsewhere meanwhile, must not arrive when its effect has been undone. Without effect after a final response,
   * and on an INVITE, which {@link cancel} is for.
   */
  giveUp(): void;
}
