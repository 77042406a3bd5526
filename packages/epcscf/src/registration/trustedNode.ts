import { HeaderLines, type SipRequest } from "@portico/sip";

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
  /** Supported, with `path`. */
  readonly supported: string;
  readonly expires: number;
  readonly chargingVector: string;
}

/** What {@link asEdge} puts into a REGISTER: to be taken out before. */
export const edgeHeaders: readonly string[] = [
  "Contact",
  "Path",
  "Require",
  "Supported",
  "Expires",
  "P-Visited-Network-ID",
  "P-Charging-Vector",
  "Authorization",
];

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
  { contact, path, supported, expires, chargingVector, authorization }: Binding & { readonly authorization: string },
): void {
  register.append(
    new HeaderLines([
      ["Contact", contact],
      ["Expires", String(expires)],
      ["Path", `<${path}>`],
      ["Require", "path"],
      ["Supported", supported],
      ["P-Visited-Network-ID", `"${networkId}"`],
      ["P-Charging-Vector", chargingVector],
      ["Authorization", authorization],
    ]),
  );
}
