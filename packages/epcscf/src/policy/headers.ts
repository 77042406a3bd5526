import { HeaderSet, type SipMessage } from "@portico/sip";

type Treatment = "pass" | "drop";

/**
 * Headers with a rule of their own at the trust-domain boundary (TS 24.229 §4.4). `up` is from the browser to the core,
 * `down` from the core to the browser. A header that does not stand here passes where the request is proxied; across
 * the B2BUA only those marked `pass` are carried, since a leg owns its dialog headers (RFC 7092 §3).
 */
const table: Readonly<Record<string, { readonly up: Treatment; readonly down: Treatment; readonly clause: string }>> = {
  "additional-identity": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "accept-contact": { up: "pass", down: "pass", clause: "RFC 3841 §9.2" },
  "alert-info": { up: "drop", down: "pass", clause: "RFC 3261 §20.4" },
  "attestation-info": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  authorization: { up: "drop", down: "drop", clause: "RFC 8898 §2.1.2" },
  "call-info": { up: "drop", down: "pass", clause: "RFC 3261 §20.9" },
  "cellular-network-info": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  diversion: { up: "drop", down: "pass", clause: "RFC 5806 §8" },
  "feature-caps": { up: "drop", down: "pass", clause: "TS 24.229 §4.4" },
  "history-info": { up: "pass", down: "pass", clause: "RFC 7044" },
  "origination-id": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "p-access-network-info": { up: "drop", down: "drop", clause: "TS 24.229 §4.4.15" },
  "p-asserted-identity": { up: "drop", down: "pass", clause: "RFC 3325 §5" },
  "p-asserted-service": { up: "drop", down: "drop", clause: "RFC 6050 §4" },
  "p-associated-uri": { up: "drop", down: "pass", clause: "RFC 7315 §4.1" },
  "p-called-party-id": { up: "drop", down: "pass", clause: "RFC 7315 §4.2" },
  "p-charging-function-addresses": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "p-charging-vector": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  // Up: of an untrusted sender only "supported" counts, and that in an INVITE; see earlyMediaSupported.
  "p-early-media": { up: "drop", down: "pass", clause: "RFC 5009 §8" },
  "p-preferred-identity": { up: "drop", down: "drop", clause: "RFC 3325 §5" },
  "p-preferred-service": { up: "pass", down: "drop", clause: "RFC 6050 §4" },
  "p-private-network-indication": { up: "drop", down: "drop", clause: "TS 24.229 §4.4.10" },
  "p-profile-key": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "p-served-user": { up: "drop", down: "drop", clause: "RFC 5502 §6" },
  "p-user-database": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "p-visited-network-id": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  priority: { up: "pass", down: "pass", clause: "RFC 3261 §20.26" },
  "priority-share": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "priority-verstat": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  privacy: { up: "pass", down: "pass", clause: "RFC 3323 §4" },
  "proxy-authorization": { up: "drop", down: "drop", clause: "RFC 8898 §2.1.2" },
  reason: { up: "pass", down: "pass", clause: "RFC 3326" },
  "relayed-charge": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "resource-priority": { up: "drop", down: "drop", clause: "TS 24.229 §4.4.11" },
  "resource-share": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "response-source": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "restoration-info": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "security-client": { up: "drop", down: "drop", clause: "TS 24.229 §5.2.2" },
  "security-server": { up: "drop", down: "drop", clause: "TS 24.229 §5.2.2" },
  "security-verify": { up: "drop", down: "drop", clause: "TS 24.229 §5.2.2" },
  "service-interact-info": { up: "drop", down: "drop", clause: "TS 24.229 §4.4" },
  "session-id": { up: "pass", down: "pass", clause: "RFC 7989" },
  subject: { up: "pass", down: "pass", clause: "RFC 3261 §20.36" },
  "user-to-user": { up: "pass", down: "pass", clause: "RFC 7433" },
};

type Way = "up" | "down";

const dropped: Readonly<Record<Way, HeaderSet>> = { up: dropping("up"), down: dropping("down") };

/** What may not cross the boundary in this direction, and what an element takes out besides. */
export function dropping(way: Way, besides: readonly string[] = []): HeaderSet {
  return new HeaderSet([...Object.keys(table).filter((name) => table[name]?.[way] === "drop"), ...besides]);
}

/**
 * Takes out of a proxied message what may not cross the boundary in this direction.
 * @param names what {@link dropping} has given for it
 */
export function strip(message: SipMessage, way: Way, names: HeaderSet = dropped[way]): void {
  message.removeAll(names);
  if (way === "up" && names === dropped.up && isCallBack(message)) message.remove("Priority");
  if (way === "down" && wantsPrivacy(message)) message.remove("P-Asserted-Identity");
}

/** The headers a B2BUA carries from one leg to the other in this direction. */
export function carried(message: SipMessage, way: Way): [string, string][] {
  const hidden = way === "down" && wantsPrivacy(message);
  const callBack = way === "up" && isCallBack(message);
  return message.headers().filter(([name]) => {
    const lower = name.toLowerCase();
    return (
      table[lower]?.[way] === "pass" &&
      !(hidden && lower === "p-asserted-identity") &&
      !(callBack && lower === "priority")
    );
  });
}

/** RFC 7090: only the network may say that an emergency centre calls back (TS 24.229 §4.4.14). */
function isCallBack(message: SipMessage): boolean {
  return (message.get("Priority") ?? "").trim().toLowerCase() === "psap-callback";
}

/** True when the asserted identity must not leave the trust domain (RFC 3325 §7, EPC-SES-08). */
export function wantsPrivacy(message: SipMessage): boolean {
  const privacy = message.get("Privacy");
  return (
    privacy !== undefined && privacy.split(";").some((value) => ["id", "user"].includes(value.trim().toLowerCase()))
  );
}

/** True when the browser can take early media by authorisation (EPC-SES-13). */
export function earlyMediaSupported(invite: SipMessage): boolean {
  return invite.list("P-Early-Media").some((value) => value.trim().toLowerCase() === "supported");
}
