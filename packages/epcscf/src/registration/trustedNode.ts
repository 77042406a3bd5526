import { HeaderLines, quote, type SipRequest } from "@portico/sip";
import { mediaIndicators } from "../alg/audio.ts";

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
  "Feature-Caps",
  "Authorization",
];

/**
 * Puts the trusted-node headers into a REGISTER from which everything of the browser's trust domain is gone.
 * @param wwsf name of the WWSF through which the user registers; undefined: the core is not told.
 */
export function asTrustedNode(
  register: SipRequest,
  node: TrustedNode,
  { impi, wwsf, ...binding }: Binding & { readonly impi: string; readonly wwsf?: string | undefined },
): void {
  const { homeDomain } = node;
  asEdge(register, node, {
    ...binding,
    authorization:
      `Digest username="${impi}", realm="${homeDomain}", uri="sip:${homeDomain}", nonce="", response="", ` +
      `integrity-protected="auth-done"${wwsf === undefined ? "" : entity(wwsf)}`,
  });
}

/** The parameter of draft-holmberg-sipcore-auth-id-01, for which TS 29.229 has WAF and WWSF names (AVPs 656 to 658). */
function entity(name: string): string {
  // What no header field may hold is nobody's name in an HSS.
  return /^[\x20-\x7e]+$/.test(name) ? `, authorization-entity=${quote(name)}` : "";
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
      ["Feature-Caps", mediaIndicators],
      ["Authorization", authorization],
    ]),
  );
}
