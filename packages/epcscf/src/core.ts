import { isIP } from "node:net";
import { lookup } from "node:dns/promises";
import { parseNameAddr, parseUri, type Hop } from "@portico/sip";
import type { SipEndpoint } from "@portico/transport";

/** Where the home network is, as this node sees it on Mw. */
export interface CoreOptions {
  /** Home network domain name; Request-URI of REGISTER, realm, visited network. */
  readonly homeDomain: string;
  /** SIP URI of the home network's entry point, for example `sip:icscf.example:5060;transport=tcp`. */
  readonly entryPoint: string;
  /** Transport where a URI names none. */
  readonly protocol: "UDP" | "TCP";
}

interface Target {
  readonly address: string;
  readonly port: number;
  readonly protocol: "TCP" | "UDP";
  /** False: the address is a name. */
  readonly literal: boolean;
}

/** The Mw reference point: hops to the core, and this node's own addresses on it. */
export class Core {
  readonly options: CoreOptions;
  /** Host and port of this node on Mw. */
  readonly sentBy: string;
  readonly #endpoint: SipEndpoint;
  /** The entry point, once it is known to be an address. */
  #entry: Target | undefined;

  constructor(options: CoreOptions, endpoint: SipEndpoint) {
    this.options = options;
    this.#endpoint = endpoint;
    const { address, port } = endpoint;
    this.sentBy = `${address.includes(":") ? `[${address}]` : address}:${port}`;
  }

  /** A SIP URI of this node on Mw, without angle brackets. */
  uri(user?: string): string {
    const at = user === undefined ? "" : `${user}@`;
    return `sip:${at}${this.sentBy}${this.options.protocol === "TCP" ? ";transport=tcp" : ""}`;
  }

  /** True when a Route or Request-URI names this node. */
  isOwn(uri: string): boolean {
    const { host, port = 5060 } = parseUri(uri);
    const { address, port: ownPort } = this.#endpoint;
    return host.replace(/^\[|\]$/g, "") === address && port === ownPort;
  }

  /** The Path this node puts itself into (RFC 3327); `ob` announces RFC 5626. @param token the flow, sealed. */
  pathUri(token: string, outbound: boolean): string {
    return `${this.uri(token)};lr${outbound ? ";ob" : ""}`;
  }

  /** The hop to the home network's entry. @throws Error when its name has no address. */
  async entry(): Promise<Hop> {
    const target = this.#entry ?? this.#target(this.options.entryPoint);
    if (target.literal) this.#entry = target;
    return this.#hop(target);
  }

  /** The next hop for a URI: its address, or that of its host name. @throws Error when the name has no address. */
  async hopTo(uri: string): Promise<Hop> {
    return this.#hop(this.#target(uri));
  }

  /** The next hop for the first of these route values (name-addr), else for the target, else the home network's entry. */
  nextHop(routes: readonly string[], target: string = this.options.entryPoint): Promise<Hop> {
    const [first] = routes;
    return this.hopTo(first === undefined ? target : parseNameAddr(first).uri);
  }

  #target(uri: string): Target {
    const { host, port = 5060, params } = parseUri(uri);
    const address = host.replace(/^\[|\]$/g, "");
    const named = params.get("transport")?.toUpperCase();
    const protocol = named === "TCP" || named === "UDP" ? named : this.options.protocol;
    return { address, port, protocol, literal: isIP(address) !== 0 };
  }

  async #hop({ address, port, protocol, literal }: Target): Promise<Hop> {
    return this.#endpoint.hopTo({ address: literal ? address : (await lookup(address)).address, port, protocol });
  }
}
