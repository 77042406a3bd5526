import { createResponse, Dialog, parseMessage, SipRequest, UserAgent } from "@portico/sip";
import type { Hop, InviteEvents, InviteUsage, ServerTransaction, SipMessage } from "@portico/sip";
import { SeededRandom, VirtualClock } from "@portico/sip/testing";
import { ImsClient } from "../src/index.ts";
import type { Hint, ImsClientOptions, ImsSession, Platform } from "../src/index.ts";
import { FakePeerConnection, FakeStream, sdpOf } from "./fakeMedia.ts";
import { FakeSocket } from "./fakeSocket.ts";

export const impu = "sip:u0001@acme.ims.test";
export const tel = "+12125550100";
/** What the network hands out for those who hide. */
export const temporaryGruu = "sip:tgru.9Kx2@ims.test;gr";

/**
 * One browser tab, the web site's token endpoint, and a scripted eP-CSCF behind a WebSocket, all on one virtual clock.
 */
export class World {
  readonly clock = new VirtualClock();
  readonly sockets: FakeSocket[] = [];
  readonly peers: FakePeerConnection[] = [];
  readonly microphones: FakeStream[] = [];
  readonly storage = new Map<string, string>();
  readonly locks = new Set<string>();
  readonly reports: unknown[] = [];
  readonly states: [state: string, code: string | undefined][] = [];
  /** Every request and response the page sent, in order, with the raw octets. */
  readonly sent: { message: SipMessage; raw: string; at: number }[] = [];
  /** Every frame the page sent, and every message it was sent. */
  readonly frames: string[] = [];
  readonly delivered: string[] = [];
  /** Every keep-alive the page sent. */
  readonly pings: number[] = [];
  readonly agent: UserAgent;
  tokensAsked = 0;
  tokenLife = 3600;
  gatherMs = 20;
  online = true;
  /** What the web site answers; may throw. */
  tokens: () => Promise<Partial<ImsSession>> = () => Promise.resolve({});
  /** What the server says to the next WebSocket handshake: the subprotocol, or a refusal. */
  handshake: () => string | undefined = () => "sip";
  answersPings = true;
  granted = 600;
  registerHeaders: [string, string][] = [];
  onRegister: (tx: ServerTransaction) => void = (tx) => this.grant(tx);
  onInvite: (tx: ServerTransaction) => void = (tx) => tx.reply(480);
  /** Answers a SUBSCRIBE; undefined: it is granted. */
  onSubscribe: ((tx: ServerTransaction) => void) | undefined;
  microphone: () => Promise<FakeStream> = () => Promise.resolve(new FakeStream());
  readonly #hints = new Set<(hint: Hint) => void>();
  readonly #random: SeededRandom;
  #subscription: { dialog: Dialog; hop: Hop } | undefined;

  constructor(seed = 7) {
    this.#random = new SeededRandom(seed);
    this.agent = new UserAgent({
      clock: this.clock,
      random: this.#random,
      onRequest: (tx) => this.#onRequest(tx),
      onError: (error) => this.reports.push(error),
    });
  }

  client(options: Partial<ImsClientOptions> = {}, seed = 1): ImsClient {
    const phone = new ImsClient({ tokens: () => this.#session(), platform: this.platform(seed), ...options });
    phone.on("state", (state, reason) => this.states.push([state, reason?.code]));
    return phone;
  }

  /** A client that is registered. */
  async registered(options: Partial<ImsClientOptions> = {}): Promise<ImsClient> {
    const phone = this.client(options);
    void phone.start().catch(() => undefined);
    // Two rounds: the first has more promises to settle than timers to run.
    await this.clock.settle(50);
    await this.clock.settle(50);
    if (phone.state !== "registered") throw new Error(`not registered but ${phone.state}: ${phone.reason?.code}`);
    return phone;
  }

  platform(seed = 1): Platform {
    const random = new SeededRandom(seed);
    return {
      clock: this.clock,
      random,
      uuid: () => `00000000-0000-4000-8000-${String(this.#random.next()).slice(2, 14).padEnd(12, "0")}`,
      openSocket: (url, protocol) => this.#open(url, protocol),
      createPeerConnection: (configuration) => {
        const peer = new FakePeerConnection(configuration, this.clock, this.gatherMs);
        this.peers.push(peer);
        return peer as unknown as RTCPeerConnection;
      },
      createStream: (track) => new FakeStream(track as never) as unknown as MediaStream,
      microphone: async () => {
        const stream = await this.microphone();
        this.microphones.push(stream);
        return stream as unknown as MediaStream;
      },
      tabStorage: { get: (key) => this.storage.get(key), set: (key, value) => void this.storage.set(key, value) },
      lock: (name) => {
        if (this.locks.has(name)) return Promise.resolve(undefined);
        this.locks.add(name);
        return Promise.resolve(() => void this.locks.delete(name));
      },
      isOnline: () => this.online,
      onHint: (listener) => {
        this.#hints.add(listener);
        return () => void this.#hints.delete(listener);
      },
      report: (error) => void this.reports.push(error),
    };
  }

  /** From now on the user is asked for the microphone. @returns her consent */
  askForMicrophone(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.microphone = async () => {
      await promise;
      return new FakeStream();
    };
    return resolve;
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket");
    return socket;
  }

  get peer(): FakePeerConnection {
    const peer = this.peers.at(-1);
    if (peer === undefined) throw new Error("no peer connection");
    return peer;
  }

  hint(hint: Hint): void {
    for (const listener of this.#hints) listener(hint);
  }

  /** Requests of one method that the page sent. */
  requests(method: string): SipRequest[] {
    return this.sent.flatMap(({ message }) =>
      message instanceof SipRequest && message.method === method ? message : [],
    );
  }

  last(method: string): SipRequest {
    const request = this.requests(method).at(-1);
    if (request === undefined) throw new Error(`no ${method}`);
    return request;
  }

  /** Methods and statuses the page sent, in order. */
  get log(): string[] {
    return this.sent.map(({ message }) => (message instanceof SipRequest ? message.method : String(message.status)));
  }

  /** The 200 that the eP-CSCF sends to a REGISTER. */
  grant(tx: ServerTransaction): void {
    const { request } = tx;
    const contact = request.get("Contact") ?? "";
    const ends = request.get("Expires") === "0";
    const gruu = `;pub-gruu="${impu};gr=urn:uuid:x";temp-gruu="${temporaryGruu}"`;
    tx.reply(200, {
      headers: [
        ["Contact", contact.replace(/;expires=\d+/, `;expires=${ends ? 0 : this.granted}`) + (ends ? "" : gruu)],
        ["Service-Route", "<sip:orig@scscf.ims.test:5060;lr>"],
        ["P-Associated-URI", `<${impu}>, <tel:${tel}>`],
        ...this.registerHeaders,
      ],
    });
  }

  /** Sends a NOTIFY in the reg-event subscription of the page. */
  async notify(body: string, headers: [string, string][] = []): Promise<number> {
    const { dialog, hop } = this.#subscription ?? {};
    if (dialog === undefined || hop === undefined) throw new Error("no subscription");
    const request = dialog.createRequest(
      "NOTIFY",
      [...new Map([["Event", "reg"], ["Subscription-State", "active;expires=600000"], ...headers])],
      { type: "application/reginfo+xml", text: body },
    );
    const response = this.agent.send(request, hop);
    await this.clock.settle(10);
    return (await response).status;
  }

  /** A call of the network for the page. */
  call(on: Partial<InviteEvents>, o: { headers?: [string, string][]; sdp?: string | undefined } = {}): InviteUsage {
    const sdp = "sdp" in o ? o.sdp : this.sdp("sendrecv");
    const target = /<([^>]+)>/.exec(this.last("REGISTER").get("Contact") ?? "")?.[1] ?? "";
    const invite = SipRequest.create(
      "INVITE",
      target,
      [
        ["Max-Forwards", "65"],
        ["From", `<sip:+442079460123@op2.example;user=phone>;tag=${this.#random.token(6)}`],
        ["To", `<tel:${tel}>`],
        ["Call-ID", this.#random.token(12)],
        ["CSeq", "1 INVITE"],
        ["Contact", "<sip:session@epcscf.ims.test:443;transport=ws>"],
        ["Supported", "100rel"],
        ["Allow", "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE"],
        ...(o.headers ?? []),
      ],
      sdp === undefined ? undefined : { type: "application/sdp", text: sdp },
    );
    return this.agent.invite(invite, this.hop(this.socket), { ended: () => undefined, ...on });
  }

  sdp(direction: string, setup = "actpass"): string {
    return sdpOf({ user: "portal", version: 1, direction, setup });
  }

  hop(socket: FakeSocket): Hop {
    return {
      protocol: "WSS",
      reliable: true,
      sentBy: "epcscf.ims.test:443",
      send: (message) => {
        this.delivered.push(message);
        return socket.deliver(message);
      },
    };
  }

  async #session(): Promise<ImsSession> {
    this.tokensAsked += 1;
    const number = this.tokensAsked;
    const special = await this.tokens();
    return {
      impu,
      tel,
      displayName: "Mary Jones",
      homeDomain: "ims.test",
      wss: ["wss://epcscf.ims.test/w2"],
      accessToken: `token-${number}`,
      expiresIn: this.tokenLife,
      iceServers: [],
      services: ["voice"],
      emergencyNumbers: ["112", "911"],
      ...special,
    };
  }

  #open(url: string, protocol: string): FakeSocket {
    const socket = new FakeSocket(url, protocol, this.clock);
    this.sockets.push(socket);
    const hop = this.hop(socket);
    socket.onFrame = (raw) => {
      this.frames.push(raw);
      if (raw === "\r\n\r\n") {
        this.pings.push(this.clock.now());
        if (this.answersPings) socket.deliver("\r\n");
        return;
      }
      const message = parseMessage(raw);
      this.sent.push({ message, raw, at: this.clock.now() });
      this.agent.receive(message, hop);
    };
    const answer = this.handshake();
    if (answer === undefined) this.clock.setTimer(1, () => socket.drop(1006));
    else socket.accept(answer);
    return socket;
  }

  #onRequest(tx: ServerTransaction): void {
    const { request } = tx;
    if (request.method === "REGISTER") return this.onRegister(tx);
    if (request.method === "INVITE") return this.onInvite(tx);
    if (request.method !== "SUBSCRIBE") return tx.reply(200);
    if (this.onSubscribe !== undefined) return this.onSubscribe(tx);
    const response = createResponse(request, 200, {
      toTag: "scscf",
      headers: [
        ["Contact", "<sip:scscf.ims.test>"],
        ["Expires", request.get("Expires") ?? "0"],
      ],
    });
    this.#subscription = { dialog: Dialog.uas(request, response), hop: tx.hop };
    tx.respond(response);
  }
}

/** A reginfo document about the page's contact. */
export function reginfo(contact: string, o: { state?: string; event?: string; contacts?: string } = {}): string {
  const { state = "active", event = "registered" } = o;
  const contacts = o.contacts ?? `<contact id="c1" state="${state}" event="${event}"><uri>${contact}</uri></contact>`;
  return `<?xml version="1.0"?>
<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="1" state="full">
 <registration aor="${impu}" id="a1" state="${state}">${contacts}</registration>
 <registration aor="tel:${tel}" id="a2" state="active"></registration>
</reginfo>`;
}
