import { parseNameAddr, parseUri } from "@portico/sip";
import type { NameAddr, SipMessage, SipUri } from "@portico/sip";

/** The other party of a call, as far as the network says. */
export interface RemoteParty {
  /** `sip:` or `tel:` URI; `anonymous@anonymous.invalid` where the caller hides. */
  readonly uri: string;
  readonly displayName?: string;
  /** Telephone number, with `+` where it is international. */
  readonly number?: string;
  /** True when the caller hides her identity. */
  readonly anonymous?: boolean;
  /** Result of the caller-number check of the network (TS 24.229 §7.2A.20), where it says so. */
  readonly verification?: "passed" | "failed" | "none";
}

const anonymousUri = "sip:anonymous@anonymous.invalid";

/**
 * Who sent this request: the identity asserted by the network (RFC 3325), else From. With `Privacy: id` or an anonymous
 * From and no asserted identity, the party is anonymous.
 */
export function remoteParty(request: SipMessage): RemoteParty {
  const asserted = request.list("P-Asserted-Identity").flatMap((value) => read(value) ?? []);
  const from = request.from;
  const privacy = (request.get("Privacy") ?? "").toLowerCase().split(/[;,\s]+/);
  const hidden = privacy.includes("id") || privacy.includes("user");
  if (hidden || (asserted.length === 0 && isAnonymous(from))) {
    return { uri: anonymousUri, anonymous: true };
  }
  const first = asserted[0] ?? from;
  const displayName =
    asserted.find((party) => party.display)?.display ?? (isAnonymous(from) ? undefined : from.display);
  const number = [...asserted, ...(asserted.length > 0 ? [] : [from])].map(numberOf).find((each) => each !== undefined);
  const verification = asserted.map(verificationOf).find((each) => each !== undefined);
  return {
    uri: first.uri,
    ...(displayName && { displayName }),
    ...(number !== undefined && { number }),
    ...(verification !== undefined && { verification }),
  };
}

/** The called party, before the network has said more than was dialled. */
export function dialledParty(uri: string): RemoteParty {
  const number = numberOf({ uri, params: new Map() });
  return { uri, ...(number !== undefined && { number }) };
}

function read(value: string): NameAddr | undefined {
  try {
    return parseNameAddr(value);
  } catch {
    return undefined;
  }
}

function uriOf(party: NameAddr): SipUri | undefined {
  try {
    return parseUri(party.uri);
  } catch {
    return undefined;
  }
}

function isAnonymous(party: NameAddr): boolean {
  const uri = uriOf(party);
  return uri?.host.toLowerCase() === "anonymous.invalid" || uri?.user?.toLowerCase() === "anonymous";
}

function numberOf(party: NameAddr): string | undefined {
  const uri = uriOf(party);
  const user = uri?.user?.split(";", 1)[0];
  if (uri === undefined || user === undefined) return undefined;
  if (uri.scheme === "tel" || uri.params.get("user") === "phone") return user.replaceAll(/[-.() ]/g, "");
  return /^\+\d{3,15}$/.test(user) ? user : undefined;
}

function verificationOf(party: NameAddr): RemoteParty["verification"] {
  const value = (party.params.get("verstat") ?? uriOf(party)?.params.get("verstat"))?.toLowerCase();
  if (value === undefined) return undefined;
  if (value.includes("passed")) return "passed";
  return value.includes("failed") ? "failed" : "none";
}
