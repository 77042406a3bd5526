import type { SipRequest } from "@portico/sip";

/** What makes a REGISTER one of a trusted node (TS 33.203 Annex U, spec part 3.5). */
export interface TrustedNode {
  readonly homeDomain: string;
  /** P-Visited-Network-ID: the network this node is in. */
  readonly networkId: string;
}

interface Binding {
  /** Contact value. */
  readonly contact: string;
  /** Path URI. */
  readonly path: string;
  readonly chargingVector: string;
}

/** Puts the trusted-node headers into a REGISTER from which everything of the browser's trust domain is gone. */
export function asTrustedNode(
  register: SipRequest,
  node: TrustedNode,
  { impi, ...binding }: Binding & { readonly impi: string },
): void {
  const { homeDomain } = node;
  asEdge(register, node, {
    ...binding,
    authorization:
      `Digest username="${impi}", realm="${homeDomain}", uri="sip:${homeDomain}", nonce="", response="", ` +
      `integrity-protected="auth-done"`,
  });
}

/** Puts the headers of an edge of the network into such a REGISTER. */
export function asEdge(
  register: SipRequest,
  { networkId }: TrustedNode,
  binding: Binding & { readonly authorization: string },
): void {
  register
    .set("Contact", binding.contact)
    .set("Path", `<${binding.path}>`)
    .set("Require", "path")
    .set("P-Visited-Network-ID", `"${networkId}"`)
    .set("P-Charging-Vector", binding.chargingVector)
    .set("Authorization", binding.authorization);
  const supported = register.list("Supported");
  if (!supported.includes("path")) register.set("Supported", [...supported, "path"].join(", "));
}
