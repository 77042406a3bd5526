import { TransactionLayer, parseUri } from "@portico/sip";
import type { Hop, ServerTransaction, SipMessage, SipRequest, SipUri } from "@portico/sip";
import { openSipEndpoint, systemClock, systemRandom } from "@portico/transport";
import type { RemoteHop, SipEndpoint, SocketAddress } from "@portico/transport";
import type { Wire } from "../wire.ts";

/** How one network element is set up. */
export interface ElementOptions {
  /** For the wire's records: "I-CSCF" … */
  readonly name: string;
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly wire: Wire;
  /** Names that stand for an element of the lab: the home domain, and each element's `host:port`. Reached by TCP. */
  readonly names: Map<string, SocketAddress>;
  receive(message: SipMessage, hop: LabHop): void;
}

/** A hop that notes what it sends. */
export class LabHop implements Hop {
  readonly protocol: Hop["protocol"];
  readonly reliable: boolean;
  readonly sentBy: string;
  readonly remote: SocketAddress;
  readonly #hop: RemoteHop;
  readonly #note: (octets: string, remote: SocketAddress) => void;

  constructor(hop: RemoteHop, note: (octets: string, remote: SocketAddress) => void) {
    this.protocol = hop.protocol;
    this.reliable = hop.reliable;
    this.sentBy = hop.sentBy;
    this.remote = hop.remote;
    this.#hop = hop;
    this.#note = note;
  }

  send(octets: string): boolean {
    this.#note(octets, this.remote);
    return this.#hop.send(octets);
  }
}

/** Sockets and name of one network element: what all of them share. */
export class Element {
  readonly name: string;
  readonly endpoint: SipEndpoint;
  readonly #wire: Wire;
  readonly #names: Map<string, SocketAddress>;

  private constructor(options: ElementOptions, endpoint: SipEndpoint) {
    this.name = options.name;
    this.endpoint = endpoint;
    this.#wire = options.wire;
    this.#names = options.names;
  }

  /** @throws TransportError when the port is taken */
  static async open(options: ElementOptions): Promise<Element> {
    const { host, port, wire, name } = options;
    const endpoint: SipEndpoint = await openSipEndpoint({
      address: host,
      port,
      onMessage: (message, hop) => {
        const octets = message.toOctets();
        const from = text(hop.remote);
        wire.note({ at: name, direction: "in", from, to: text(endpoint), protocol: hop.protocol, octets });
        options.receive(message, element.#recorded(hop));
      },
    });
    const element = new Element(options, endpoint);
    return element;
  }

  /** `host:port` as in Via. */
  get sentBy(): string {
    return text(this.endpoint);
  }

  /** This element's own loose-route URI in angle brackets. */
  route(user?: string): string {
    return `<sip:${user === undefined ? "" : `${user}@`}${this.sentBy};lr>`;
  }

  /** Whether a Route or Via names this element. */
  owns(uri: SipUri): boolean {
    return uri.host === bracketed(this.endpoint.address) && (uri.port ?? 5060) === this.endpoint.port;
  }

  /** The hop to a URI: RFC 3263 §4 for numeric hosts, and the lab's own names. */
  hopToUri(uri: string | SipUri): LabHop {
    const { host, port, params } = typeof uri === "string" ? parseUri(uri) : uri;
    const named = this.#names.get(host.toLowerCase()) ?? this.#names.get(`${host}:${port ?? 5060}`);
    if (named !== undefined) return this.hopTo(named, "TCP");
    const address = host.startsWith("[") ? host.slice(1, -1) : host;
    const protocol = params.get("transport")?.toLowerCase() === "tcp" ? "TCP" : "UDP";
    return this.hopTo({ address, port: port ?? 5060 }, protocol);
  }

  hopTo(target: SocketAddress, protocol: "UDP" | "TCP"): LabHop {
    return this.#recorded(this.endpoint.hopTo({ address: target.address, port: target.port, protocol }));
  }

  close(): Promise<void> {
    return this.endpoint.close();
  }

  #recorded(hop: RemoteHop): LabHop {
    return new LabHop(hop, (octets, remote) =>
      this.#wire.note({
        at: this.name,
        direction: "out",
        from: this.sentBy,
        to: text(remote),
        protocol: hop.protocol,
        octets,
      }),
    );
  }
}

/** A proxy's transaction layer over an element. */
export function proxyLayer(
  onRequest: (tx: ServerTransaction) => void,
  onAck: (ack: SipRequest, hop: Hop) => void,
): TransactionLayer {
  return new TransactionLayer({
    clock: systemClock,
    random: systemRandom,
    onRequest,
    onAck,
    onError: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
  });
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function text({ address, port }: SocketAddress): string {
  return `${bracketed(address)}:${port}`;
}
