import { HeaderForm, quote, type SipRequest } from "@portico/sip";
import { mediaIndicators } from "../alg/audio.ts";

/** What makes a REGISTER one of a trusted node (TS 33.203 Annex U, spec part 3.5). */
export interface TrustedNode {
  readonly homeDomain: string;
  /** P-Visited-Network-ID: the network this node is in. */
  readonly networkId: string;
}

/** What an edge of the network says of a binding. */
export interface EdgeBinding {
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
  "Expires",
  "Path",
  "Require",
  "Supported",
  "P-Visited-Network-ID",
  "P-Charging-Vector",
  "Feature-Caps",
  "Authorization",
];
const edgeForm = new HeaderForm(edgeHeaders);

/**
 * The Authorization with which a trusted node vouches for a user.
 * @param wwsf name of the WWSF through which she registers; undefined: the core is not told.
 */
export function vouchedBy({ homeDomain }: TrustedNode, impi: string, wwsf?: string): string {
  return (
    `Digest username="${impi}", realm="${homeDomain}", uri="sip:${homeDomain}", nonce="", response="", ` +
    `integrity-protected="auth-done"${wwsf === undefined ? "" : entity(wwsf)}`
  );
}

/** The parameter of draft-holmberg-sipcore-auth-id-01, for which TS 29.229 has WAF and WWSF names (AVPs 656 to 658). */
function entity(name: string): string {
  // What no header field may hold is nobody's name in an HSS.
  return /^[\x20-\x7e]+$/.test(name) ? `, authorization-entity=${quote(name)}` : "";
}

/** Puts the headers of an edge of the network into a REGISTER from which everything of the browser's trust domain is gone. */
export function asEdge(register: SipRequest, node: TrustedNode, binding: EdgeBinding, authorization: string): void {
  const { contact, path, supported, expires, chargingVector } = binding;
  register.append(edgeForm, [
    contact,
    String(expires),
    `<${path}>`,
    "path",
    supported,
    `"${node.networkId}"`,
    chargingVector,
    mediaIndicators,
    authorization,
  ]);
}
