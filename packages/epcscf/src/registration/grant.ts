import { formatParams, HeaderSet, parseChargingVector, parseNameAddr, parseUri, type SipResponse } from "@portico/sip";
import { detached, partOf } from "../detached.ts";
import { EpcscfError } from "../errors.ts";
import { Interned } from "../interned.ts";
import { readSeconds } from "../seconds.ts";
import { grantedContacts, isNameAddr } from "./contact.ts";

/** What a 200 (OK) to REGISTER says about one binding (EPC-REG-19). */
export interface Grant {
  /** What was asked, and the header lines it was read from, as they came. */
  readonly source: string;
  /** Seconds from the response; whatever the core says. */
  readonly seconds: number;
  /** Parameters of the Contact, GRUUs among them, as the browser is to see them, each with its leading semicolon. */
  readonly params: string;
  /** Service-Route values, nearest first (RFC 3608). */
  readonly serviceRoute: readonly string[];
  /** Host and port of the S-CSCF, which is the first of it; empty without. */
  readonly scscf: string;
  /** P-Associated-URI values that can be read; the first is the default identity. Never empty. */
  readonly associated: readonly string[];
  /** `Require: outbound`: RFC 5626 is in force for the flow. */
  readonly outbound: boolean;
  /** P-Charging-Function-Addresses (RFC 7315 §5.5). */
  readonly chargingFunctions: string | undefined;
  /** term-ioi of the home network (TS 24.229 §4.5.4). */
  readonly terminatingIoi: string | undefined;
}

/** What S-CSCFs, which are few, say of themselves to all of their users. */
const homes = new Interned<Pick<Grant, "serviceRoute" | "scscf" | "chargingFunctions" | "terminatingIoi">>(1000);

/** Longest grant believed, seconds (24.229 §5.1.1.2 has UEs ask for 600 000): an absurd one must not overflow a clock. */
const longest = 600_000;
/** Values of one header field kept, and the longest of them, octets: a core that sends more is broken. */
const mostValues = 32;
const longestValue = 2048;

/** Header fields a grant is read from, but for P-Charging-Vector, whose ICID is another one each time. */
const sources = new HeaderSet([
  "Contact",
  "Expires",
  "P-Associated-URI",
  "Service-Route",
  "Require",
  "P-Charging-Function-Addresses",
]);

const vector = new HeaderSet(["P-Charging-Vector"]);

/**
 * Reads the grant.
 * @param asked seconds asked for, where the core names none.
 * @param known what was read last for the same binding: a refresh mostly is granted the same again.
 * @throws EpcscfError `epcscf/core-contradiction` for a 200 that does not hold the binding.
 */
export function readGrant(
  response: SipResponse,
  own: { uri: string; impu: string },
  asked: number,
  known?: Grant,
): Grant {
  const homeIoi = terminatingIoi(response);
  const said = `${asked} ${homeIoi ?? ""}\r\n${response.excerpt(sources)}`;
  if (said === known?.source) return known;
  const contacts = grantedContacts(response);
  const granted = contacts.find(({ uri }) => userOf(uri) === userOf(own.uri));
  // RFC 3261 §10.3, step 8: a 200 lists all bindings. One that lists only others' does not have this one.
  if (granted === undefined && contacts.length > 0) throw new EpcscfError("epcscf/core-contradiction");
  const expires = readSeconds(granted?.params.get("expires")) ?? readSeconds(response.get("Expires"));
  const seconds = Math.min(expires ?? asked, longest);
  if (seconds === 0) throw new EpcscfError("epcscf/core-contradiction");
  const source = detached(said);
  const associated = kept(response.list("P-Associated-URI").filter((value) => isNameAddr(value)));
  const routes = kept(response.list("Service-Route").filter((value) => isNameAddr(value)));
  const home = homes.one({
    serviceRoute: routes.map((value) => detached(value)),
    scscf: hostOf(routes[0]),
    chargingFunctions: kept(response.all("P-Charging-Function-Addresses")).map((value) => detached(value))[0],
    terminatingIoi: homeIoi,
  });
  return {
    source,
    seconds,
    params: partOf(source, formatParams(new Map([...(granted?.params ?? []), ["expires", String(seconds)]]))),
    serviceRoute: home.serviceRoute,
    scscf: home.scscf,
    associated: associated.length > 0 ? associated.map((value) => partOf(source, value)) : [`<${own.impu}>`],
    outbound: response.list("Require").some((option) => option.toLowerCase() === "outbound"),
    chargingFunctions: home.chargingFunctions,
    terminatingIoi: home.terminatingIoi,
  };
}

/** What of a list is believed. */
const kept = (values: readonly string[]): readonly string[] =>
  values.filter((value) => value.length <= longestValue).slice(0, mostValues);

/** The user part may be another one in each grant. */
function hostOf(route: string | undefined): string {
  if (route === undefined) return "";
  const { host, port } = parseUri(parseNameAddr(route).uri);
  return detached(`${host.toLowerCase()}:${port ?? ""}`);
}

function terminatingIoi(response: SipResponse): string | undefined {
  // Most say nothing of it.
  if (!/term-ioi/i.test(response.excerpt(vector))) return undefined;
  try {
    const ioi = parseChargingVector(response.get("P-Charging-Vector") ?? "").terminatingIoi;
    return ioi === undefined ? undefined : detached(ioi);
  } catch {
    return undefined;
  }
}

const userOf = (uri: string): string => uri.slice(uri.indexOf(":") + 1, uri.indexOf("@"));
