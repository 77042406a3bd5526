import { SipError } from "../errors.ts";
import type { NameAddr } from "../nameAddr.ts";
import { formatNameAddr, parseNameAddr } from "../nameAddr.ts";
import { splitList } from "../scan.ts";

const maxAddresses = 128;

/**
 * Reads a list of addresses: Route, Record-Route, Path, Service-Route (RFC 3261 §20.30, RFC 3327, RFC 3608),
 * P-Asserted-Identity, P-Preferred-Identity, P-Associated-URI (RFC 3325 §9, RFC 7315 §4.1). At most 128.
 * @param lines one value, or one for each header line, as `message.all(name)` gives them
 * @throws SipError `sip/value`, `sip/too-large`
 * @example
 * ```ts
 * parseAddressList("<sip:a.example;lr>, <sip:b.example;lr>").map(({ uri }) => uri); // ["sip:a.example;lr", "sip:b.example;lr"]
 * ```
 */
export function parseAddressList(lines: string | readonly string[]): NameAddr[] {
  const elements = typeof lines === "string" ? splitList(lines) : lines.flatMap(splitList);
  if (elements.length > maxAddresses) throw new SipError("sip/too-large", "addresses");
  return elements.map((element) => {
    const address = parseNameAddr(element);
    if (address.uri === "*") throw new SipError("sip/value", "address URI");
    return address;
  });
}

/**
 * Writes addresses as one header value.
 * @throws SipError as {@link formatNameAddr}
 * @example
 * ```ts
 * formatAddressList([{ uri: "tel:+12125550100", params: new Map() }]); // "<tel:+12125550100>"
 * ```
 */
export function formatAddressList(addresses: readonly NameAddr[]): string {
  return addresses.map(formatNameAddr).join(", ");
}
