import {
  createResponse,
  formatNameAddr,
  parseNameAddr,
  SipRequest,
  type SipMessage,
  type SipResponse,
} from "@portico/sip";
import { openSipEndpoint, type RemoteHop, type SipEndpoint } from "@portico/transport";

interface Binding {
  readonly contact: string;
  readonly path: string;
}

/**
 * Stands in for the home network: a registrar without checks, and a proxy without state that sends each call back over the
 * Path its callee registered with, so that a call crosses the edge twice.
 */
export class CoreStandIn {
  readonly #endpoint: SipEndpoint;
  readonly #protocol: "TCP" | "UDP";
  readonly #bindings = new Map<string, Binding>();
  #edge: RemoteHop | undefined;
  #branches = 0;

  private constructor(endpoint: SipEndpoint, protocol: "TCP" | "UDP") {
    this.#endpoint = endpoint;
    this.#protocol = protocol;
  }

  static async open(protocol: "TCP" | "UDP"): Promise<CoreStandIn> {
    let core: CoreStandIn | undefined;
    const endpoint = await openSipEndpoint({
      address: "127.0.0.1",
      port: 0,
      udp: true,
      tcp: true,
      onMessage: (message, hop) => core?.receive(message, hop),
    });
    core = new CoreStandIn(endpoint, protocol);
    return core;
  }

  /** The edge's address on Mw; everything else than an answer goes there. */
  set edgePort(port: number) {
    this.#edge = this.#endpoint.hopTo({ address: "127.0.0.1", port, protocol: this.#protocol });
  }

  get port(): number {
    return this.#endpoint.port;
  }

  get uri(): string {
    return `sip:127.0.0.1:${this.#endpoint.port};transport=${this.#protocol.toLowerCase()}`;
  }

  receive(message: SipMessage, hop: RemoteHop): void {
    if (!(message instanceof SipRequest)) return this.#relay(message.removeFirst("Via"));
    if (message.method === "REGISTER") return void hop.send(this.#register(message).toOctets());
    if (message.method === "SUBSCRIBE") {
      const headers: [string, string][] = [
        ["Expires", message.get("Expires") ?? "600"],
        ["Contact", `<${this.uri}>`],
      ];
      return void hop.send(createResponse(message, 200, { headers, toTag: "r1" }).toOctets());
    }
    this.#branches += 1;
    // Of the two Routes the edge knows, the first is this element's own.
    message.removeFirst("Route");
    if (message.toTag === undefined) {
      const binding = this.#bindings.get(message.uri);
      if (binding === undefined) throw new Error(`${message.uri} is not registered with the core`);
      message.setUri(binding.contact).prepend("Route", binding.path).prepend("Record-Route", `<${this.uri};lr>`);
    }
    const via = `SIP/2.0/${this.#protocol} 127.0.0.1:${this.#endpoint.port};branch=z9hG4bKcore${this.#branches}`;
    this.#relay(message.prepend("Via", via));
  }

  #relay(message: SipMessage): void {
    this.#edge?.send(message.toOctets());
  }

  #register(request: SipRequest): SipResponse {
    const [contact = ""] = request.list("Contact");
    const path = request.get("Path") ?? "";
    const { uri } = parseNameAddr(contact);
    this.#bindings.set(request.to.uri, { contact: uri, path });
    return createResponse(request, 200, {
      toTag: "r1",
      headers: [
        ["Path", path],
        ["Service-Route", `<${this.uri};lr>`],
        ["P-Associated-URI", formatNameAddr({ uri: request.to.uri, params: new Map() })],
        ["Require", "outbound"],
        ["Contact", contact],
      ],
    });
  }

  async close(): Promise<void> {
    await this.#endpoint.close();
  }
}
