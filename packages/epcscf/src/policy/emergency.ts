import { parseUri, type ResponseOptions } from "@portico/sip";

const body = `<?xml version="1.0" encoding="UTF-8"?>
<ims-3gpp version="1">
 <alternative-service>
  <type>emergency</type>
  <reason>Emergency calls are not supported here. Use a telephone.</reason>
 </alternative-service>
</ims-3gpp>
`;

/** True for `urn:service:sos…` and for the emergency numbers of the served region (TS 24.229 §5.2.10, EMG-01). */
export function isEmergency(uri: string, numbers: readonly string[]): boolean {
  if (/^urn:service:sos(\.|$)/i.test(uri)) return true;
  try {
    const { user = "" } = parseUri(uri);
    // RFC 3261 §19.1.4: an escaped character is that character.
    const [number = ""] = decodeURIComponent(user).split(";", 1);
    return numbers.includes(number.replaceAll(/[-.()]/g, ""));
  } catch {
    return false;
  }
}

/** What the 380 that sends the user to another phone holds (TS 24.229 §5.2.10.5, EMG-02). */
export function alternativeService(ownUri: string): ResponseOptions {
  return {
    reason: "Alternative Service",
    headers: [
      ["P-Asserted-Identity", `<${ownUri}>`],
      ["Content-Disposition", "render"],
    ],
    body: { type: "application/3gpp-ims+xml", text: body },
  };
}
