import { formatNameAddr, parseNameAddr, sameUri, type SipMessage } from "@portico/sip";
import { EpcscfError } from "../errors.ts";
import type { Registration } from "../registration/registration.ts";
import { anonymous } from "../session/identities.ts";

/**
 * The identity asserted for a request of a registered user (RFC 3325 §5): the preferred one when it is in the
 * registered set, else the default, which is the first.
 * @param associated P-Associated-URI values of the registration.
 */
export function assertedIdentity(message: SipMessage, associated: readonly string[]): string {
  const set = associated.map((value) => parseNameAddr(value));
  const [first] = set;
  if (first === undefined) throw new RangeError("a registration has at least one identity");
  for (const value of message.list("P-Preferred-Identity")) {
    const preferred = parseNameAddr(value);
    const registered = set.find(({ uri }) => sameUri(uri, preferred.uri));
    if (registered !== undefined) return formatNameAddr(registered);
  }
  return formatNameAddr(first);
}

/**
 * A proxied request keeps its From, which the called party may be shown: it must be one of the sender's registered identities, or
 * nobody's (PRV-02). @throws EpcscfError `epcscf/from`.
 */
export function checkFrom({ from }: SipMessage, { impu, associated }: Pick<Registration, "impu" | "associated">): void {
  if (from.uri.toLowerCase() === anonymous || sameUri(from.uri, impu)) return;
  if (!associated.some((value) => sameUri(parseNameAddr(value).uri, from.uri))) throw new EpcscfError("epcscf/from");
}
