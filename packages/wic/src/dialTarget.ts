import { parseUri } from "@portico/sip";
import { WicError } from "./errors.ts";

/** What a dialled text means. */
export interface DialTarget {
  /** Request-URI of the INVITE. */
  readonly uri: string;
  /** True for a number of the session's list of emergency numbers, or an SOS service URN. */
  readonly emergency: boolean;
}

/**
 * Turns a dialled text into a Request-URI: an international number to `tel:+…`, another digit string to a local number
 * of the home network (`tel:…;phone-context=`, RFC 3966 §5.1.5, TS 24.229 §5.1.2A.1.3) whose dial plan decides, an
 * address to `sip:`. URIs pass as they are.
 *
 * @throws WicError `wic/target`
 */
export function dialTarget(
  text: string,
  home: { readonly homeDomain: string; readonly emergencyNumbers?: readonly string[] },
): DialTarget {
  const trimmed = text.trim();
  if (/^urn:service:sos(\.[a-z0-9.-]+)?$/i.test(trimmed)) return { uri: trimmed.toLowerCase(), emergency: true };
  const dialled = trimmed.replace(/^tel:/i, "").replaceAll(/[\s().\-/]/g, "");
  if (/^\+\d{2,15}$/.test(dialled)) return { uri: `tel:${dialled}`, emergency: isEmergency(dialled, home) };
  if (/^[0-9*#]{1,32}$/.test(dialled)) {
    // RFC 3966 §3: `#` is no character of a URI and is escaped.
    const uri = `tel:${dialled.replaceAll("#", "%23")};phone-context=${home.homeDomain}`;
    return { uri, emergency: isEmergency(dialled, home) };
  }
  const address = /^(sips?|tel):/i.test(trimmed) ? trimmed : `sip:${trimmed}`;
  if (!/^[\x21-\x7e]+$/.test(address) || /[<>",]/.test(address) || !/@|^tel:/i.test(address)) {
    throw new WicError("wic/target");
  }
  try {
    parseUri(address);
  } catch (error) {
    throw new WicError("wic/target", { cause: error });
  }
  return { uri: address, emergency: false };
}

function isEmergency(number: string, home: { readonly emergencyNumbers?: readonly string[] }): boolean {
  return home.emergencyNumbers?.includes(number) ?? false;
}
