import { createHash } from "node:crypto";
import { isIP } from "node:net";
import {
  parseNameAddr,
  parseUri,
  targetsOf,
  type Clock,
  type Random,
  type Resolver,
  type SipUri,
  type Target,
} from "@portico/sip";
import type { SipEndpoint } from "@portico/transport";
import { Outages } from "./outages.ts";
import { Way, type WayContext } from "./way.ts";

/** Where the home network is, as this node sees it on Mw. */
export interface CoreOptions {
  /** Home network domain name; Request-URI of REGISTER, realm, visited network. */
  readonly homeDomain: string;
  /**
   * Where requests enter the home network: its domain, for which RFC 3263 finds the I-CSCFs, or a SIP URI such as
   * `sip:icscf.example:5060;transport=tcp`; of several each stands in for those before it.
   */
  readonly entryPoint: string | readonly string[];
  /** Transport of this node's own URIs, and of others' that have an address or a port and name none. */
  readonly protocol: "UDP" | "TCP" | "TLS";
  /** The core is told the WWSF through which a user registers (EPC-REG-10): for one known to take that parameter. */
  readonly namesWwsf?: boolean | undefined;
}

/** What the core is reached with. */
export interface CoreSurroundings {
  readonly endpoint: SipEndpoint;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly random: Random;
}

/** The Mw reference point: ways to the core, and this node's own addresses on it. */
export class Core {
  readonly options: CoreOptions;
  /** Host and port of this node on Mw. */
  readonly sentBy: string;
  readonly #surroundings: CoreSurroundings;
  readonly #protocols: readonly Target["protocol"][];
  readonly #context: WayContext;
  readonly #entries: readonly SipUri[];
  /** The entry points, where all of them are addresses. */
  readonly #addresses: readonly Target[] | undefined;

  /** @throws RangeError for a protocol that the endpoint does not have; SipError for an entry point that is no SIP URI. */
  constructor(options: CoreOptions, surroundings: CoreSurroundings) {
    const { endpoint, clock } = surroundings;
    const { protocol, entryPoint } = options;
    this.options = options;
    this.#surroundings = surroundings;
    const port = protocol === "TLS" ? endpoint.tlsPort : endpoint.port;
    if (port === undefined) throw new RangeError("Mw over TLS needs a certificate");
    this.sentBy = `${endpoint.address.includes(":") ? `[${endpoint.address}]` : endpoint.address}:${port}`;
    const possible: Target["protocol"][] = ["UDP", "TCP", ...(endpoint.tlsPort === undefined ? [] : ["TLS" as const])];
    this.#protocols = [protocol, ...possible.filter((other) => other !== protocol)];
    this.#context = {
      clock,
      outages: new Outages(clock),
      hopTo: ({ protocol: chosen, address, port: at, host }) => {
        if (chosen === "WS" || chosen === "WSS") throw new TypeError("no WebSocket on Mw");
        return endpoint.hopTo({ protocol: chosen, address, port: at, host });
      },
    };
    const entries = typeof entryPoint === "string" ? [entryPoint] : entryPoint;
    this.#entries = entries.map((entry) => this.#complete(parseUri(/^sips?:/i.test(entry) ? entry : `sip:${entry}`)));
    const literals = this.#entries.map((entry) => this.#literal(entry));
    const known = literals.filter((target) => target !== undefined);
    this.#addresses = known.length === literals.length ? known : undefined;
  }

  /** A SIP URI of this node on Mw, without angle brackets. */
  uri(user?: string): string {
    const at = user === undefined ? "" : `${user}@`;
    const { protocol } = this.options;
    return `sip:${at}${this.sentBy}${protocol === "UDP" ? "" : `;transport=${protocol.toLowerCase()}`}`;
  }

  /** True when a Route or Request-URI names this node. */
  isOwn(uri: string): boolean {
    const { host, port = 5060 } = parseUri(uri);
    const { address, port: ownPort, tlsPort } = this.#surroundings.endpoint;
    return bare(host) === address && (port === ownPort || port === tlsPort);
  }

  /** The Path this node puts itself into (RFC 3327); `ob` announces RFC 5626. @param token the flow, sealed. */
  pathUri(token: string, outbound: boolean): string {
    return `${this.uri(token)};lr${outbound ? ";ob" : ""}`;
  }

  /**
   * The way into the home network.
   * @param sticky what of the choice among equals depends on: requests with the same one go the same way while they can, and
   * many different ones are spread by the weights of the SRV records
   */
  entry(sticky?: string): Way {
    const { outages } = this.#context;
    // Where there is no choice, or no reason to avoid one, nothing need be looked up or chosen.
    if (this.#addresses !== undefined && (outages.size === 0 || this.#addresses.length === 1))
      return new Way(this.#context, this.#addresses);
    const random = sticky === undefined ? this.#surroundings.random : keyed(sticky);
    return new Way(this.#context, this.#walk(this.#entries, random));
  }

  /** The way to the first of these route values (name-addr), else to the target, else into the home network. */
  nextHop(routes: readonly string[], target?: string): Way {
    const [first] = routes;
    if (first === undefined && target === undefined) return this.entry();
    const uri = this.#complete(parseUri(first === undefined ? (target ?? "") : parseNameAddr(first).uri));
    const literal = this.#literal(uri);
    if (literal !== undefined) return new Way(this.#context, [literal]);
    return new Way(this.#context, this.#walk([uri], this.#surroundings.random));
  }

  /** All targets, those that have failed lately after the others. */
  async *#walk(uris: readonly SipUri[], random: Random): AsyncGenerator<Target, void> {
    const { resolver } = this.#surroundings;
    const failed: Target[] = [];
    for (const uri of uris) {
      for await (const target of targetsOf(uri, { resolver, random, protocols: this.#protocols })) {
        if (!this.#reaches(target)) continue;
        if (this.#context.outages.has(target)) failed.push(target);
        else yield target;
      }
    }
    yield* failed;
  }

  /** RFC 3263 §4.1 leaves UDP where an address or a port names no transport; here the operator's choice holds. */
  #complete(uri: SipUri): SipUri {
    const open = uri.port === undefined && isIP(bare(uri.host)) === 0;
    if (uri.scheme !== "sip" || open || uri.params.has("transport")) return uri;
    return { ...uri, params: new Map([...uri.params, ["transport", this.options.protocol.toLowerCase()]]) };
  }

  /** The target of a URI with an address, which no name server need be asked for. */
  #literal({ scheme, host, port, params }: SipUri): Target | undefined {
    const address = bare(host);
    if (isIP(address) === 0 || scheme !== "sip" || params.has("maddr")) return undefined;
    const protocol = this.#protocols.find((each) => each === params.get("transport")?.toUpperCase());
    if (protocol === undefined) return undefined;
    const target: Target = { protocol, address, port: port ?? (protocol === "TLS" ? 5061 : 5060), host: address };
    return this.#reaches(target) ? target : undefined;
  }

  /** The endpoint is bound to one address, and reaches those of its family. */
  #reaches({ address }: Target): boolean {
    return isIP(address) === isIP(this.#surroundings.endpoint.address);
  }
}

/** Without the brackets of an IPv6 address. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

/** Chance that falls the same way each time for one key. */
function keyed(key: string): Random {
  let count = 0;
  return {
    token: (length) => {
      let text = "";
      while (text.length < length) {
        const digest = createHash("sha256")
          .update(`${key}\n${(count += 1)}`)
          .digest("hex");
        text += BigInt(`0x${digest}`).toString(36).slice(1);
      }
      return text.slice(0, length);
    },
  };
}
