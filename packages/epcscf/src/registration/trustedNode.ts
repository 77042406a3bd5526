import type { SipRequest } from "@portico/sip";

/** What makes a REGISTER one of a trusted node (TS 33.203 Annex U, spec part 3.5). */
export interface TrustedNode {
  readonly homeDomain: string;
  /** P-Visited-Network-ID: the network this node is in. */
  readonly networkId: string;
}

/** Puts the trusted-node headers into a REGISTER from which everything of the browser's trust domain is gone. */
export function asTrustedNode(
  register: SipRequest,
  node: TrustedNode,
  binding: { impi: string; contact: string; path: string; chargingVector: string },
): void {
  const { homeDomain, networkId } = node;
  register
    .set("Contact", binding.contact)
    .set("Path", `<${binding.path}>`)
    .set("Require", "path")
    .set("P-Visited-Network-ID", `"${networkId}"`)
    .set("P-Charging-Vector", binding.chargingVector)
    .set(
      "Authorization",
      `Digest username="${binding.impi}", realm="${homeDomain}", uri="sip:${homeDomain}", nonce="", response="", ` +
        `integrity-protected="auth-done"`,
    );
  const supported = register.list("Supported");
  if (!supported.includes("path")) register.set("Supported", [...supported, "path"].join(", "));
}
