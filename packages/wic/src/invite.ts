import { SipRequest } from "@portico/sip";
import type { LocalAddress } from "./address.ts";
import type { Registered } from "./connection.ts";
import { allow, mmtel, nameAddress, supported } from "./headers.ts";

/** Seconds from one refresh of the session to its end that we propose (RFC 4028 §4). */
const sessionInterval = 1800;

/** What one outgoing call needs for its INVITE, and for the second one after a challenge. */
export interface InviteDraft {
  readonly target: string;
  readonly callId: string;
  readonly tag: string;
  readonly cseq: number;
  readonly sdp: string;
  readonly hideIdentity: boolean;
}

/** Builds the INVITE of an outgoing call (TS 24.229 §5.1.2A.1, §5.1.3.1). */
export function createInvite(draft: InviteDraft, registered: Registered, address: LocalAddress): SipRequest {
  const { session, binding, routes } = registered;
  const { hideIdentity, target } = draft;
  // RFC 3323 §4.1.1.3
  const from = hideIdentity
    ? '"Anonymous" <sip:anonymous@anonymous.invalid>'
    : nameAddress(session.impu, session.displayName);
  const tel = session.tel === undefined ? undefined : `tel:${session.tel}`;
  // The callee is shown a number where there is one.
  const preferred = tel !== undefined && binding.associated.includes(tel) ? tel : session.impu;
  // TS 24.229 §5.1.2A.1.1: a GRUU that does not tell who she is, where she hides.
  const gruu = hideIdentity ? binding.temporaryGruu : binding.publicGruu;
  return SipRequest.create(
    "INVITE",
    target,
    [
      ...routes.map((route): [string, string] => ["Route", route]),
      ["Max-Forwards", "70"],
      ["From", `${from};tag=${draft.tag}`],
      ["To", `<${target}>`],
      ["Call-ID", draft.callId],
      ["CSeq", `${draft.cseq} INVITE`],
      ["Contact", address.dialogContact(session, gruu)],
      ["Accept-Contact", `*;${mmtel}`],
      ["P-Preferred-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel"],
      ["P-Preferred-Identity", `<${preferred}>`],
      ["P-Early-Media", "supported"],
      ["Privacy", hideIdentity ? "id" : "none"],
      ["Supported", supported],
      ["Session-Expires", String(sessionInterval)],
      ["Allow", allow],
      ["Accept", "application/sdp, application/3gpp-ims+xml"],
    ],
    { type: "application/sdp", text: draft.sdp },
  );
}
