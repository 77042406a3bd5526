import { SipRequest, UserAgent, parseNameAddr } from "@portico/sip";
import type { InviteEvents, InviteUsage, ServerTransaction, SipResponse } from "@portico/sip";
import { openSipEndpoint, systemClock, systemRandom } from "@portico/transport";
import type { SipEndpoint } from "@portico/transport";
import type { Lab } from "../src/index.ts";
import { TelephoneCall } from "../src/telephones/call.ts";

export interface Identity {
  impi: string;
  impu: string;
  tel?: string;
}

export interface RegisterOptions {
  expires?: number;
  /** User part of the Contact. */
  contact?: string;
  instance?: string;
  regId?: number;
  q?: number;
  supported?: string;
  path?: string | undefined;
  integrity?: string;
  callId?: string;
  extra?: [string, string][];
  without?: string[];
}

type Headers = [string, string][];

export const mary: Identity = { impi: "u0001.acme@ims.test", impu: "sip:u0001@acme.ims.test", tel: "+12125550100" };
export const ken: Identity = { impi: "u0002.acme@ims.test", impu: "sip:u0002@acme.ims.test", tel: "+12125550101" };

/** A trusted node in front of users: what the portal is to the core, scripted. */
export class TestNode {
  readonly requests: ServerTransaction[] = [];
  readonly notifies: SipRequest[] = [];
  readonly endpoint: SipEndpoint;
  readonly agent: UserAgent;
  serviceRoute: string[] = [];
  protocol: "UDP" | "TCP" = "TCP";
  onInvite: (tx: ServerTransaction) => void = (tx) => tx.reply(480);
  readonly #lab: Lab;
  #cseq = 0;

  private constructor(lab: Lab, endpoint: SipEndpoint, agent: UserAgent) {
    this.#lab = lab;
    this.endpoint = endpoint;
    this.agent = agent;
  }

  static async open(lab: Lab, address = "127.0.0.1"): Promise<TestNode> {
    const agent = new UserAgent({
      clock: systemClock,
      random: systemRandom,
      onRequest: (tx) => node.#request(tx),
    });
    const endpoint = await openSipEndpoint({ address, port: 0, onMessage: (m, hop) => agent.receive(m, hop) });
    const node = new TestNode(lab, endpoint, agent);
    return node;
  }

  get at(): string {
    return `${this.endpoint.address}:${this.endpoint.port}`;
  }

  #request(tx: ServerTransaction): void {
    this.requests.push(tx);
    if (tx.request.method === "NOTIFY") {
      this.notifies.push(tx.request);
      tx.reply(200);
    } else if (tx.request.method === "INVITE") this.onInvite(tx);
    else tx.reply(200);
  }

  hop(to: { address: string; port: number }) {
    return this.endpoint.hopTo({ address: to.address, port: to.port, protocol: this.protocol });
  }

  /** REGISTER as a trusted node. */
  async register(identity: Identity, o: RegisterOptions = {}): Promise<SipResponse> {
    this.#cseq += 1;
    const params = [
      `expires=${o.expires ?? 600}`,
      ...(o.regId === undefined ? [] : [`reg-id=${o.regId}`]),
      ...(o.q === undefined ? [] : [`q=${o.q}`]),
      ...(o.instance === undefined ? [] : [`+sip.instance="<urn:uuid:${o.instance}>"`]),
    ];
    const headers: Headers = [
      ["Max-Forwards", "70"],
      ["From", `<${identity.impu}>;tag=${systemRandom.token(8)}`],
      ["To", `<${identity.impu}>`],
      ["Call-ID", o.callId ?? `reg-${identity.impi}`],
      ["CSeq", `${this.#cseq} REGISTER`],
      ["Contact", `<sip:${o.contact ?? "flow1"}@${this.at}>;${params.join(";")}`],
      ["Path", o.path ?? `<sip:${o.contact ?? "flow1"}@${this.at};lr;ob>`],
      ["Require", "path"],
      ["Supported", o.supported ?? "path, gruu, outbound"],
      ["P-Visited-Network-ID", '"ims.test"'],
      ["P-Charging-Vector", `icid-value="t-${systemRandom.token(8)}";orig-ioi="Type 1ims.test"`],
      [
        "Authorization",
        `Digest username="${identity.impi}", realm="ims.test", uri="sip:ims.test", nonce="", response="", ` +
          `integrity-protected="${o.integrity ?? "auth-done"}"`,
      ],
    ];
    const kept = headers.filter(([name]) => o.without?.includes(name) !== true);
    const request = SipRequest.create("REGISTER", "sip:ims.test", [...kept, ...(o.extra ?? [])]);
    const response = await this.agent.send(request, this.hop(this.#lab.icscf));
    if (response.status === 200 && response.has("Service-Route")) this.serviceRoute = response.all("Service-Route");
    return response;
  }

  request(method: string, uri: string, identity: Identity, extra: Headers = [], body?: { type: string; text: string }) {
    const headers: Headers = [
      ["Max-Forwards", "70"],
      ...this.serviceRoute.map((route): [string, string] => ["Route", route]),
      ["From", `<${identity.impu}>;tag=${systemRandom.token(8)}`],
      ["To", `<${uri}>`],
      ["Call-ID", systemRandom.token(16)],
      ["CSeq", `1 ${method}`],
      ["Contact", `<sip:flow1@${this.at}>`],
      ["P-Asserted-Identity", `<${identity.impu}>`],
      ["P-Charging-Vector", `icid-value="t-${systemRandom.token(8)}"`],
      ...extra,
    ];
    const named = new Set(extra.map(([name]) => name));
    const merged = headers.filter(([name], at) => !named.has(name) || at >= headers.length - extra.length);
    return SipRequest.create(method, uri, merged, body);
  }

  send(request: SipRequest, to: { address: string; port: number } = this.#lab.scscf): Promise<SipResponse> {
    return this.agent.send(request, this.hop(to));
  }

  /** Calls with real audio; the user's side is played by the lab's own call class. */
  async call(
    identity: Identity,
    to: string,
    extra: Headers = [],
  ): Promise<{ call: TelephoneCall; usage: InviteUsage }> {
    const call = await this.#open(identity, to, "out");
    const request = this.request("INVITE", to, identity, [["Supported", "100rel"], ...extra], call.offer());
    const usage = this.agent.invite(
      request,
      this.hop(this.#lab.scscf),
      call.events((response, u) => this.#route(response, u)),
    );
    call.attach(usage);
    return { call, usage };
  }

  /** Takes an INVITE for a user and rings; the test answers. */
  async take(identity: Identity, tx: ServerTransaction): Promise<TelephoneCall> {
    const call = await this.#open(identity, tx.request.uri, "in");
    const usage = this.agent.accept(tx, call.events());
    call.attach(usage);
    usage.progress(180, { headers: [["P-Asserted-Identity", `<${identity.impu}>`]] });
    return call;
  }

  invite(request: SipRequest, on: InviteEvents): InviteUsage {
    return this.agent.invite(request, this.hop(this.#lab.scscf), on);
  }

  #route(response: SipResponse, usage: InviteUsage): void {
    const [first] = response.list("Record-Route").toReversed();
    if (first === undefined) return;
    const [address = "", port] = (/@?([\d.]+):(\d+)/.exec(parseNameAddr(first).uri) ?? []).slice(1);
    usage.hop = this.hop({ address, port: Number(port) });
  }

  #open(identity: Identity, peer: string, direction: "in" | "out"): Promise<TelephoneCall> {
    return TelephoneCall.open({
      number: identity.impu,
      peer,
      direction,
      address: this.endpoint.address,
      rtpPorts: [43_000, 43_999],
      headers: [
        ["Contact", `<sip:flow1@${this.at}>`],
        ["P-Asserted-Identity", `<${identity.impu}>`],
      ],
      media: () => undefined,
      key: () => undefined,
    });
  }

  async close(): Promise<void> {
    await this.endpoint.close();
    this.agent.close();
  }
}
