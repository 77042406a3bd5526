import type { InviteUsage } from "../invite/usage.ts";
import type { Body, HeaderList, SipMessage, SipResponse } from "../message.ts";

/**
 * Sends a session refresh in a call: an UPDATE without an offer where the peer allows UPDATE, else a re-INVITE with our last
 * description unchanged (RFC 4028 §7.4). Resolves with the final response; never rejects.
 *
 * @param peer the last message of the peer with an Allow header field: its INVITE, or the 2xx to ours
 *
 * @example
 * const timer = new SessionTimer({
 *   clock,
 *   refresh: (headers) => refreshSession(call, accepted, { headers, description: () => lastOffer }),
 *   expired: () => call.bye(),
 * });
 */
export function refreshSession(
  call: InviteUsage,
  peer: SipMessage,
  o: { headers: HeaderList; description(): Body },
): Promise<SipResponse> {
  const update = peer.list("Allow").some((method) => method.toUpperCase() === "UPDATE");
  if (update) return call.request("UPDATE", { headers: o.headers });
  return call.request("INVITE", { headers: o.headers, body: o.description() });
}
