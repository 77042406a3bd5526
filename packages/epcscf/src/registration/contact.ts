import { formatParams, HeaderSet, parseNameAddr, type NameAddr, type SipMessage } from "@portico/sip";
import { detached, partOf } from "../detached.ts";
import { EpcscfError } from "../errors.ts";
import { Interned } from "../interned.ts";
import { readSeconds } from "../seconds.ts";

/** Contact parameters that reach the core; all else of a browser's Contact stays here (EPC-REG-17). */
const kept = /^(\+sip\.instance|reg-id|q|\+g\.3gpp\..+|audio|video)$/;

/** Header fields that say it. */
const sources = new HeaderSet(["Contact", "Expires", "Supported"]);

/** Browsers of one kind support the same. */
const supports = new Interned<string>(1000);

/** What a browser's REGISTER says about its binding. */
export interface AskedBinding {
  /** Its header lines as they came. */
  readonly source: string;
  /** URI of its Contact; undefined for `*`. */
  readonly uri: string | undefined;
  readonly instance: string | undefined;
  readonly outbound: boolean;
  /** Seconds asked; 0 ends the binding. */
  readonly expires: number;
  /** Parameters for the core's Contact, each with its leading semicolon. */
  readonly params: string;
  /** Supported toward the core: `path` is this node's. */
  readonly supported: string;
}

/**
 * Reads the one Contact of a REGISTER. @throws EpcscfError `epcscf/contact`, `epcscf/emergency-registration`.
 * @param known what was read last on the same flow: a refresh mostly says the same again.
 */
export function askedBinding(register: SipMessage, defaultExpires: number, known?: AskedBinding): AskedBinding {
  const lines = register.excerpt(sources);
  if (lines === known?.source) return known;
  const source = detached(lines);
  const supported = supports.one(detached([...new Set([...register.list("Supported"), "path"])].join(", ")));
  const contacts = register.list("Contact");
  const header = readSeconds(register.get("Expires"));
  const [first] = contacts;
  if (first === undefined || contacts.length !== 1) throw new EpcscfError("epcscf/contact");
  if (first === "*") {
    if (header !== 0) throw new EpcscfError("epcscf/contact");
    return { source, uri: undefined, instance: undefined, outbound: false, expires: 0, params: "", supported };
  }
  const contact = parseNameAddr(partOf(source, first));
  // TS 24.229 §7.2A.13: an emergency registration, which a user of a block has no use for (EMG-05).
  if (isEmergencyContact(contact)) throw new EpcscfError("epcscf/emergency-registration");
  const expires = readSeconds(contact.params.get("expires")) ?? header ?? defaultExpires;
  const params = new Map([...contact.params].filter(([name]) => kept.test(name)));
  return {
    source,
    uri: contact.uri,
    instance: contact.params.get("+sip.instance"),
    outbound: contact.params.has("reg-id") && contact.params.has("+sip.instance"),
    expires,
    params: partOf(source, formatParams(params)),
    supported,
  };
}

/** The registrar's Contact values of a 200 (OK), parsed; unusable ones are left out. */
export function grantedContacts(response: SipMessage): NameAddr[] {
  return response
    .list("Contact")
    .filter((value) => isNameAddr(value))
    .map((value) => parseNameAddr(value));
}

/** True for a value that can be read as an address. */
export function isNameAddr(value: string): boolean {
  try {
    parseNameAddr(value);
    return true;
  } catch {
    return false;
  }
}

function isEmergencyContact({ uri, params }: NameAddr): boolean {
  return params.has("sos") || /;sos(?:[;=?]|$)/i.test(uri);
}
