import type { SipRequest } from "@portico/sip";
import { EpcscfError } from "../errors.ts";

/** Max-Forwards for the next hop (RFC 3261 §16.6 step 3). @throws EpcscfError `epcscf/hops` when none is left. */
export function hopsLeft(request: SipRequest): number {
  const hops = Number.parseInt(request.get("Max-Forwards") ?? "70", 10);
  if (!(hops > 0)) throw new EpcscfError("epcscf/hops");
  return hops - 1;
}
