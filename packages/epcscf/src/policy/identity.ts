import { formatNameAddr, parseNameAddr, sameUri, type SipMessage } from "@portico/sip";

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
