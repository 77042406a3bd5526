import { gruusOf, parseNameAddr, sameUri } from "@portico/sip";
import type { NameAddr, SipResponse } from "@portico/sip";

/** What the 200 (OK) to a REGISTER grants. */
export interface Binding {
  /** Seconds from the response. */
  readonly expires: number;
  /** Identities registered with ours; the first is the default (TS 24.229 §5.1.1.4). */
  readonly associated: readonly string[];
  /** Route values to pre-load, nearest first (RFC 3608). */
  readonly serviceRoute: readonly string[];
  readonly publicGruu?: string;
  readonly temporaryGruu?: string;
  /** Seconds between keep-alives, where the network asks for them (RFC 5626 §4.4). */
  readonly flowTimer?: number;
}

/** Reads the grant for our own contact out of a 200 to REGISTER. */
export function readBinding(response: SipResponse, contact: { uri: string; instance: string }, asked: number): Binding {
  const ours = response.list("Contact").flatMap((value) => contactOf(value) ?? []);
  const mine =
    ours.find((each) => unquoted(each.params.get("+sip.instance")) === contact.instance) ??
    ours.find((each) => sameUri(each.uri, contact.uri)) ??
    (ours.length === 1 ? ours[0] : undefined);
  const expires = seconds(mine?.params.get("expires")) ?? seconds(response.get("Expires")) ?? asked;
  const { public: publicGruu, temporary: temporaryGruu } = mine === undefined ? {} : gruusOf(mine);
  const flowTimer = seconds(response.get("Flow-Timer"));
  return {
    expires,
    associated: response.list("P-Associated-URI").flatMap((value) => contactOf(value)?.uri ?? []),
    serviceRoute: response.list("Service-Route"),
    ...(publicGruu && { publicGruu }),
    ...(temporaryGruu && { temporaryGruu }),
    ...(flowTimer && { flowTimer }),
  };
}

/** Milliseconds after which a grant of `expires` seconds is renewed (TS 24.229 §5.1.1.4.1). */
export function refreshAfterMs(expires: number): number {
  return (expires > 1200 ? expires - 600 : expires / 2) * 1000;
}

function contactOf(value: string): NameAddr | undefined {
  try {
    return parseNameAddr(value);
  } catch {
    return undefined;
  }
}

function seconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,10}$/.test(value) ? Number(value) : undefined;
}

function unquoted(value: string | undefined): string | undefined {
  return value?.replaceAll(/["<>]/g, "");
}
