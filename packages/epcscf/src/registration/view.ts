import { isIPv6 } from "node:net";
import type { Registration } from "./registration.ts";

/** Where a browser connects from, without saying who: the address itself is personal data. */
export interface PeerClass {
  readonly family: "IPv4" | "IPv6";
  readonly scope: "loopback" | "private" | "public";
}

/** What the home network knows and has said of a registration: for the operator's eyes alone. */
export interface NetworkView {
  readonly impi: string;
  /** P-Associated-URI values, default first. */
  readonly associated: readonly string[];
  readonly serviceRoute: readonly string[];
  /** RFC 5626 is in force. */
  readonly outbound: boolean;
  readonly chargingFunctions?: string;
  readonly terminatingIoi?: string;
  /** Scopes of the token: what its bearer may do. */
  readonly scope: readonly string[];
}

/** A live registration as an operator sees it. */
export interface RegistrationView {
  /** Names it as long as it lives; the same again for the same IMPU and instance. */
  readonly id: string;
  readonly impu: string;
  /** Only where an operator asked for it (PRV-01). */
  readonly network?: NetworkView;
  readonly tenant: string;
  readonly clientId: string;
  /** The WAF's lease: `sid` of the access token. */
  readonly sessionId: string;
  /** `+sip.instance` of the browser's tab or device, without quotes and angle brackets; absent where it gave none. */
  readonly instance?: string;
  /** The eP-CSCF that holds it: host and port on Mw. */
  readonly node: string;
  /** Milliseconds since the epoch, as the next two. */
  readonly since: number;
  readonly grantedUntil: number;
  readonly tokenUntil: number;
  /** `lost`: the socket is gone and its grace time runs. */
  readonly flow: "live" | "lost";
  /** Absent while the flow is lost. */
  readonly peer?: PeerClass;
  /** Calls, in set-up or answered. */
  readonly sessions: number;
}

/** Addresses that are not reachable from everywhere: RFC 1918, RFC 6598, link-local; ULA and link-local of IPv6. */
const privateAddress =
  /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|f[cd]|fe[89ab])/i;

/** @param address as the socket gives it. */
export function peerClass(address: string): PeerClass {
  // RFC 4291 §2.5.5.2: an IPv4 peer of a socket of both families.
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const family = isIPv6(plain) ? "IPv6" : "IPv4";
  const loopback = plain === "::1" || (family === "IPv4" && plain.startsWith("127."));
  return { family, scope: loopback ? "loopback" : privateAddress.test(plain) ? "private" : "public" };
}

/** @param forOperator adds what is the network's own. */
export function registrationView(
  registration: Registration,
  context: { node: string; sessions: number; forOperator?: boolean },
): RegistrationView {
  const { key, entry, claims, asked, flow, since, grant, grantedAt } = registration;
  const { node, sessions, forOperator = false } = context;
  return {
    id: key,
    impu: entry.impu,
    ...(forOperator ? { network: networkView(registration) } : {}),
    tenant: entry.tenant,
    clientId: claims.clientId,
    sessionId: claims.sessionId,
    ...(asked.instance === undefined ? {} : { instance: asked.instance.replaceAll(/["<>]/g, "") }),
    node,
    since,
    grantedUntil: grantedAt + (grant?.seconds ?? 0) * 1000,
    tokenUntil: claims.expiresAt * 1000,
    flow: flow === undefined ? "lost" : "live",
    ...(flow === undefined ? {} : { peer: peerClass(flow.address) }),
    sessions,
  };
}

function networkView({ entry, claims, grant, associated, serviceRoute }: Registration): NetworkView {
  const { chargingFunctions, terminatingIoi, outbound = false } = grant ?? {};
  return {
    impi: entry.impi,
    associated,
    serviceRoute,
    outbound,
    ...(chargingFunctions === undefined ? {} : { chargingFunctions }),
    ...(terminatingIoi === undefined ? {} : { terminatingIoi }),
    scope: claims.scope,
  };
}
