/** Methods that this user agent answers. */
export const allow = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, NOTIFY";

/** Extensions of INVITE that this user agent knows. */
export const supported = "100rel, timer, outbound, gruu";

/** Feature tag of multimedia telephony (TS 24.173), as the Contact and Accept-Contact carry it. */
export const mmtel = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"';

/** Media that this user agent streams (RFC 3840 §9; TS 24.229 §5.1.1.2.1 asks for each in the registered Contact). */
export const streamed = "audio";

/** Quoted display name before a URI, or nothing. */
export function nameAddress(uri: string, displayName?: string): string {
  if (displayName === undefined || displayName === "") return `<${uri}>`;
  // Control characters have no place in a header field.
  const name = displayName.replaceAll(/\p{Cc}/gu, " ").replaceAll(/["\\]/g, "\\$&");
  return `"${name}" <${uri}>`;
}
