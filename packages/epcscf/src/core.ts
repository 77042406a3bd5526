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

/** The Mw reference point: hops to the core, and this node's own addresses on it. */
export class Core {
  readonly options: CoreOptions;
  readonly #endpoint: SipEndpoint;

  constructor(options: CoreOptions, endpoint: SipEndpoint) {
    this.options = options;
    this.#endpoint = endpoint;
  }

  /** Host and port of this node on Mw. */
  get sentBy(): string {
    const { address, port } = this.#endpoint;
    return `${address.includes(":") ? `[${address}]` : address}:${port}`;
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

  entry(): Promise<Hop> {
    return this.hopTo(this.options.entryPoint);
  }

  /** The next hop for a URI: its address, or that of its host name. @throws Error when the name has no address. */
  async hopTo(uri: string): Promise<Hop> {
    const { host, port = 5060, params } = parseUri(uri);
    const literal = host.replace(/^\[|\]$/g, "");
    const address = isIP(literal) === 0 ? (await lookup(literal)).address : literal;
    const named = params.get("transport")?.toUpperCase();
    const protocol = named === "TCP" || named === "UDP" ? named : this.options.protocol;
    return this.#endpoint.hopTo({ address, port, protocol });
  }

  /** The next hop for the first of these route values (name-addr), else for the target, else the home network's entry. */
  nextHop(routes: readonly string[], target: string = this.options.entryPoint): Promise<Hop> {
    const [first] = routes;
    return this.hopTo(first === undefined ? target : parseNameAddr(first).uri);
  }
}
