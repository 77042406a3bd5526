import type { ResponseOptions, SipMessage } from "@portico/sip";

const type = "application/3gpp-ims+xml";

const body = `<?xml version="1.0" encoding="UTF-8"?>
<ims-3gpp version="1">
 <alternative-service>
  <type>restoration</type>
  <reason>The network has lost who serves you.</reason>
  <action>initial-registration</action>
 </alternative-service>
</ims-3gpp>
`;

/** What a 504 holds that has the browser register anew, since its S-CSCF is lost (TS 24.229 §5.2.6.3.2A, §7.6). */
export function restoration(ownUri: string): Required<Pick<ResponseOptions, "headers" | "body">> {
  return { headers: [["P-Asserted-Identity", `<${ownUri}>`]], body: { type, text: body } };
}

/** True for a 504 of the core that asks for the same: the S-CSCF knows the user no more (TS 24.229 §5.4.3.2). */
export function asksToRestore(response: SipMessage): boolean {
  if (!(response.get("Content-Type") ?? "").toLowerCase().startsWith(type)) return false;
  return /<(?:\w+:)?action>\s*initial-registration\s*</.test(response.body);
}
