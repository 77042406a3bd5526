import { pick } from "../chance.ts";
import type { Hop, Random } from "../ports.ts";
import type { SipUri } from "../uri.ts";
import type { NaptrRecord, Resolver, SrvRecord } from "./resolver.ts";

/** Where a request can be sent (RFC 3263 §4). */
export interface Target {
  readonly protocol: Hop["protocol"];
  /** IPv4 or IPv6 address, without brackets. */
  readonly address: string;
  readonly port: number;
  /** The name the address was found under, for a TLS certificate check (RFC 5922 §4). */
  readonly host: string;
}

/** What {@link targetsOf} is given to look up and choose with. */
export interface TargetOptions {
  readonly resolver: Resolver;
  readonly random: Random;
  /** What we can speak, best first; `UDP, TCP, TLS` if left out. */
  readonly protocols?: readonly Hop["protocol"][];
}

/** Most addresses tried for one request, so that no name server keeps us busy. */
const most = 32;

/** RFC 3263 §4.1 and RFC 7118 §5: NAPTR services and SRV prefixes. */
const services: Readonly<Record<Hop["protocol"], { naptr: string; srv: string; port: number; secure: boolean }>> = {
  UDP: { naptr: "SIP+D2U", srv: "_sip._udp.", port: 5060, secure: false },
  TCP: { naptr: "SIP+D2T", srv: "_sip._tcp.", port: 5060, secure: false },
  TLS: { naptr: "SIPS+D2T", srv: "_sips._tcp.", port: 5061, secure: true },
  WS: { naptr: "SIP+D2W", srv: "_sip._ws.", port: 80, secure: false },
  WSS: { naptr: "SIPS+D2W", srv: "_sips._ws.", port: 443, secure: true },
};

/**
 * The places to try for a SIP or SIPS URI (of a Request-URI, or of the topmost Route), best first: NAPTR, SRV, A and AAAA (RFC 3263
 * §4). Lazy: names are looked up as they are needed. Go on with the next one after a 503, a time-out or a dead way, in a new
 * transaction (§4.3). Ends after 32, or at once for a URI that cannot be reached with the protocols given.
 *
 * @example
 * for await (const target of targetsOf(parseUri("sip:ims.example.com"), { resolver, random })) {
 *   const response = await ua.send(request.clone(), hopTo(target));
 *   if (response.status !== 503 && response.status !== 408) break;
 * }
 */
export async function* targetsOf(uri: SipUri, options: TargetOptions): AsyncGenerator<Target, void> {
  const seen = new Set<string>();
  for await (const target of allTargets(uri, options)) {
    const key = `${target.protocol} ${target.address} ${target.port}`;
    if (seen.has(key)) continue;
    seen.add(key);
    yield target;
    if (seen.size === most) return;
  }
}

async function* allTargets(uri: SipUri, options: TargetOptions): AsyncGenerator<Target, void> {
  const secure = uri.scheme === "sips";
  if (!secure && uri.scheme !== "sip") return;
  const { resolver, protocols = ["UDP", "TCP", "TLS"] } = options;
  const usable = protocols.filter((protocol) => !secure || services[protocol].secure);
  // RFC 3263 §4: TARGET is the maddr parameter if there is one.
  const host = (uri.params.get("maddr") ?? uri.host).toLowerCase();
  const literal = addressIn(host);
  const given = uri.params.get("transport");
  const asked = given === undefined ? undefined : protocolOf(given.toLowerCase(), secure);
  if (given !== undefined && (asked === undefined || !usable.includes(asked))) return;
  if (literal !== undefined || uri.port !== undefined) {
    // RFC 3263 §4.1: a number or a port leaves no choice: UDP, for SIPS TCP with TLS.
    const protocol = asked ?? (secure ? "TLS" : "UDP");
    const chosen = usable.includes(protocol) ? protocol : usable[0];
    if (chosen === undefined) return;
    const port = uri.port ?? services[chosen].port;
    if (literal !== undefined) yield { protocol: chosen, address: literal, port, host };
    else yield* addressesOf(resolver, host, port, chosen, host);
    return;
  }
  let found = false;
  for await (const { protocol, name } of servicesOf(host, asked, usable, resolver)) {
    const records = await quiet(resolver.srv(name));
    found ||= records.length > 0;
    for (const { target, port } of inOrder(records, options.random)) {
      // RFC 2782: a single record with the root as its target: decidedly no such service.
      if (target !== "." && target !== "") yield* addressesOf(resolver, bare(target), port, protocol, host);
    }
  }
  if (found) return;
  // RFC 3263 §4.1, §4.2: no SRV either: addresses of the name itself, the default transport and port.
  const usual = asked ?? (secure ? "TLS" : "UDP");
  const protocol = usable.includes(usual) ? usual : usable[0];
  if (protocol !== undefined) yield* addressesOf(resolver, host, services[protocol].port, protocol, host);
}

/** The SRV names to ask for, best first. */
async function* servicesOf(
  host: string,
  asked: Hop["protocol"] | undefined,
  usable: readonly Hop["protocol"][],
  resolver: Resolver,
): AsyncGenerator<{ protocol: Hop["protocol"]; name: string }, void> {
  if (asked !== undefined) {
    yield { protocol: asked, name: services[asked].srv + host };
    return;
  }
  const records = (await quiet(resolver.naptr(host)))
    .toSorted((a, b) => a.order - b.order || a.preference - b.preference)
    .flatMap((record) => named(record, usable))
    .slice(0, most);
  if (records.length > 0) yield* records;
  else yield* usable.map((protocol) => ({ protocol, name: services[protocol].srv + host }));
}

/** Empty for a service we cannot use (RFC 3263 §4.1: discarded). */
function named(record: NaptrRecord, usable: readonly Hop["protocol"][]): { protocol: Hop["protocol"]; name: string }[] {
  const service = record.service.toUpperCase();
  const protocol = usable.find((each) => services[each].naptr === service);
  return protocol !== undefined && record.flags.toLowerCase() === "s"
    ? [{ protocol, name: bare(record.replacement) }]
    : [];
}

/** RFC 2782: by priority; among equals by chance in proportion to the weight, those of weight 0 rarely. */
function inOrder(records: readonly SrvRecord[], random: Random): SrvRecord[] {
  const ordered: SrvRecord[] = [];
  // At most so many: a longer list is cut by the limit on targets anyway.
  const rest = records.toSorted((a, b) => a.priority - b.priority || a.weight - b.weight).slice(0, 4 * most);
  while (rest.length > 0) {
    const same = rest.filter(({ priority }) => priority === rest[0]?.priority);
    let sum = pick(
      random,
      0,
      same.reduce((total, { weight }) => total + weight, 0),
    );
    const at = Math.max(
      0,
      same.findIndex(({ weight }) => (sum -= weight) <= 0),
    );
    ordered.push(...rest.splice(at, 1));
  }
  return ordered;
}

async function* addressesOf(
  resolver: Resolver,
  name: string,
  port: number,
  protocol: Hop["protocol"],
  host: string,
): AsyncGenerator<Target, void> {
  const literal = addressIn(name);
  const addresses = literal === undefined ? await quiet(resolver.addresses(name)) : [literal];
  for (const address of addresses) yield { protocol, address, port, host };
}

async function quiet<T>(answer: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answer;
  } catch {
    return [];
  }
}

/** Without the final dot of a fully qualified name. */
function bare(name: string): string {
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** An IPv4 address, or an IPv6 address in brackets or bare; undefined for a name. */
function addressIn(host: string): string | undefined {
  if (host.startsWith("[") && host.endsWith("]")) return host.slice(1, -1);
  return /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host) || host.includes(":") ? host : undefined;
}

/** RFC 3261 §26.2.2: `transport=tcp` in a SIPS URI means TLS over TCP; `transport=tls` is the old way to say it. */
function protocolOf(transport: string, secure: boolean): Hop["protocol"] | undefined {
  switch (transport) {
    case "udp":
      return secure ? undefined : "UDP";
    case "tcp":
      return secure ? "TLS" : "TCP";
    case "tls":
      return "TLS";
    case "ws":
      return secure ? "WSS" : "WS";
    case "wss":
      return "WSS";
    default:
      return undefined;
  }
}
