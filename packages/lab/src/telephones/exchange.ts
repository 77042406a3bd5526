import { SipRequest, UserAgent, parseNameAddr, parseUri } from "@portico/sip";
import type { ServerTransaction, SipMessage } from "@portico/sip";
import { systemClock, systemRandom } from "@portico/transport";
import type { ToneWindow } from "../audio/goertzel.ts";
import type { TonePattern } from "../audio/tone.ts";
import { Element } from "../core/element.ts";
import type { ElementOptions, LabHop } from "../core/element.ts";
import { identityKey, numberOf } from "../core/identity.ts";
import { LabError } from "../errors.ts";
import { tell } from "../listeners.ts";
import { TelephoneCall } from "./call.ts";
import type { CallSetting } from "./call.ts";

/** What a telephone does with a call. */
export type TelephoneBehaviour =
  | { readonly does: "echo" }
  /** With `early`, the tone sounds before the answer already: reliable 183 (RFC 3262), answer after a second. */
  | { readonly does: "play"; readonly tone: TonePattern; readonly early?: boolean }
  /** Answers, plays `greeting`, hangs up after `pauseMs`; as much later calls back and plays `tone`. */
  | {
      readonly does: "call-back";
      readonly greeting: TonePattern;
      readonly tone: TonePattern;
      readonly pauseMs: number;
    }
  | { readonly does: "ring" }
  | { readonly does: "reject"; readonly status: number };

/** One telephone. */
export interface Telephone {
  /** E.164 with plus. */
  readonly number: string;
  readonly behaviour: TelephoneBehaviour;
}

/** The telephones of the demo. */
export const defaultTelephones: readonly Telephone[] = [
  { number: "+12025550110", behaviour: { does: "echo" } },
  { number: "+12025550120", behaviour: { does: "play", tone: { frequency: 1000, onMs: 400, offMs: 200 } } },
  {
    number: "+12025550130",
    behaviour: {
      does: "call-back",
      greeting: { frequency: 1200, onMs: 150, offMs: 150, times: 3 },
      tone: { frequency: 1400, onMs: 300, offMs: 300 },
      pauseMs: 2000,
    },
  },
  { number: "+12025550140", behaviour: { does: "ring" } },
  { number: "+12025550150", behaviour: { does: "reject", status: 486 } },
];

/** What the exchange needs beside its sockets. */
export interface ExchangeOptions extends Omit<ElementOptions, "name" | "receive"> {
  readonly homeDomain: string;
  readonly telephones: readonly Telephone[];
  readonly rtpPorts: readonly [number, number];
  icscf(): Element;
  isOwn(request: SipRequest): boolean;
  violation(text: string, request: SipRequest): void;
}

/** A call out of a telephone. */
export interface DialOptions {
  /** Number of one of the lab's telephones. */
  readonly from: string;
  /** SIP or tel URI, or a number with plus. */
  readonly to: string;
  /** What the telephone plays once answered; silence without one. */
  readonly tone?: TonePattern | undefined;
  /** Display name in From. */
  readonly display?: string | undefined;
  /** The display name goes out as ISO-8859-1, as old gateways send it, and not as UTF-8. */
  readonly latin1?: boolean | undefined;
}

type Stop = () => void;

const ringMs = 200;
const earlyMs = 1000;
const callBackRingMs = 30_000;
/** How long peers may take to answer the last BYEs. */
const closeMs = 500;
const mostCalls = 500;

/** The telephones of the lab behind their breakout gateway. */
export class Exchange {
  readonly element: Element;
  readonly #o: ExchangeOptions;
  readonly #agent: UserAgent;
  readonly #telephones: ReadonlyMap<string, Telephone>;
  readonly #calls: TelephoneCall[] = [];
  readonly #timers = new Set<Stop>();
  readonly #onCall = new Set<(call: TelephoneCall) => void>();
  readonly #onMedia = new Set<(call: TelephoneCall, window: ToneWindow) => void>();
  readonly #onKey = new Set<(call: TelephoneCall, key: string) => void>();
  #closed = false;

  private constructor(options: ExchangeOptions, element: Element, agent: UserAgent) {
    this.#o = options;
    this.element = element;
    this.#agent = agent;
    this.#telephones = new Map(options.telephones.map((telephone) => [telephone.number, telephone]));
  }

  /** @throws TransportError when the port is taken */
  static async open(options: ExchangeOptions): Promise<Exchange> {
    const agent = new UserAgent({
      clock: systemClock,
      random: systemRandom,
      onRequest: (tx) => exchange.#request(tx),
      onError: (error) => process.emitWarning(error instanceof Error ? error : String(error)),
    });
    const element = await Element.open({
      ...options,
      name: "telephones",
      receive: (m, hop) => exchange.#receive(m, hop),
    });
    const exchange = new Exchange(options, element, agent);
    return exchange;
  }

  /** The latest calls, oldest first, ended ones too. */
  get calls(): readonly TelephoneCall[] {
    return this.#calls;
  }

  /** Tells of each call in or out as it begins. @returns ends it */
  onCall(listener: (call: TelephoneCall) => void): Stop {
    this.#onCall.add(listener);
    return () => this.#onCall.delete(listener);
  }

  /** Tells of each 100 ms of audio heard. @returns ends it */
  onMedia(listener: (call: TelephoneCall, window: ToneWindow) => void): Stop {
    this.#onMedia.add(listener);
    return () => this.#onMedia.delete(listener);
  }

  /** Tells of each DTMF key heard. @returns ends it */
  onKey(listener: (call: TelephoneCall, key: string) => void): Stop {
    this.#onKey.add(listener);
    return () => this.#onKey.delete(listener);
  }

  /**
   * Calls out.
   * @throws LabError `lab/no-telephone`, `lab/no-rtp-port`; SipError for a `to` that is no URI
   */
  async dial(options: DialOptions): Promise<TelephoneCall> {
    if (!this.#telephones.has(options.from)) throw new LabError("lab/no-telephone", options.from);
    const uri = options.to.startsWith("+") ? `tel:${options.to}` : options.to;
    parseUri(uri);
    const call = await this.#open(options.from, uri, "out");
    call.play(options.tone);
    const hop = this.element.hopTo(this.#o.icscf().endpoint, "TCP");
    const events = call.events((response, usage) => {
      const [first] = response.list("Record-Route").toReversed();
      usage.hop = this.element.hopToUri(first === undefined ? uri : parseNameAddr(first).uri);
    });
    call.attach(this.#agent.invite(this.#invite(call, options, uri), hop, events));
    return call;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#timers) stop();
    const live = this.#calls.filter(({ state }) => state !== "ended");
    const { promise: patienceEnds, resolve } = Promise.withResolvers<void>();
    const stop = systemClock.setTimer(closeMs, resolve);
    await Promise.race([Promise.all(live.map((call) => call.release())), patienceEnds]);
    stop();
    await this.element.close();
    this.#agent.close();
  }

  #invite(call: TelephoneCall, options: DialOptions, uri: string): SipRequest {
    const { homeDomain } = this.#o;
    const display = options.display === undefined ? "" : `"${options.display.replaceAll(/["\\]/g, "")}" `;
    const from = `${display}<sip:${options.from}@${homeDomain};user=phone>;tag=${systemRandom.token(12)}`;
    const headers: [string, string][] = [
      ["Max-Forwards", "70"],
      ["From", from],
      ["To", `<${uri}>`],
      ["Call-ID", `${systemRandom.token(20)}@${this.element.endpoint.address}`],
      ["CSeq", "1 INVITE"],
      ...this.#headers(options.from),
      ["P-Charging-Vector", `icid-value="lab-${systemRandom.token(16)}";orig-ioi="Type 1${homeDomain}"`],
      ["Supported", "100rel"],
    ];
    const request = SipRequest.create("INVITE", uri, headers, call.offer());
    // A character up to U+00FF is its own octet there.
    return options.latin1 === true ? request.remove("From").addOctets("From", from) : request;
  }

  #headers(number: string): [string, string][] {
    return [
      ["Contact", `<sip:${number}@${this.element.sentBy}>`],
      ["P-Asserted-Identity", `<tel:${number}>`],
      ["Allow", "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, INFO, OPTIONS"],
    ];
  }

  #receive(message: SipMessage, hop: LabHop): void {
    if (message instanceof SipRequest && !this.#o.isOwn(message)) {
      this.#o.violation("RFC 3261 §16.12: past the S-CSCF, against its Record-Route", message);
    }
    this.#agent.receive(message, hop);
  }

  #request(tx: ServerTransaction): void {
    const { request } = tx;
    const number = numberOf(parseUri(request.uri)) ?? "";
    const telephone = this.#telephones.get(number);
    if (telephone === undefined) tx.reply(404);
    else if (request.method === "OPTIONS") tx.reply(200, { headers: this.#headers(number) });
    else if (request.method === "INVITE") void this.#incoming(tx, telephone);
    else tx.reply(405, { headers: [["Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS"]] });
  }

  async #incoming(tx: ServerTransaction, telephone: Telephone): Promise<void> {
    const { number, behaviour } = telephone;
    if (behaviour.does === "reject") {
      tx.reply(behaviour.status, { headers: this.#headers(number) });
      return;
    }
    let call: TelephoneCall;
    try {
      call = await this.#open(number, peerOf(tx.request), "in");
    } catch {
      tx.reply(503);
      return;
    }
    if (tx.state !== "proceeding") {
      call.hangUp();
      return;
    }
    const usage = this.#agent.accept(tx, call.events());
    call.attach(usage);
    if (behaviour.does === "play" && behaviour.early === true) {
      call.play(behaviour.tone);
      if (call.progress()) this.#after(earlyMs, () => call.answer());
      return;
    }
    usage.progress(180, { headers: this.#headers(number), reliable: true });
    if (behaviour.does !== "ring") this.#after(ringMs, () => this.#answer(call, behaviour));
  }

  #answer(call: TelephoneCall, behaviour: Exclude<TelephoneBehaviour, { does: "ring" | "reject" }>): void {
    switch (behaviour.does) {
      case "echo":
        call.echo();
        call.answer();
        break;
      case "play":
        call.play(behaviour.tone);
        call.answer();
        break;
      case "call-back":
        call.play(behaviour.greeting);
        if (!call.answer()) return;
        this.#after(behaviour.pauseMs, () => {
          call.hangUp();
          this.#after(behaviour.pauseMs, () => void this.#callBack(call, behaviour.tone));
        });
        break;
    }
  }

  async #callBack(first: TelephoneCall, tone: TonePattern): Promise<void> {
    try {
      const call = await this.dial({ from: first.number, to: first.peer, tone });
      const stop = this.#after(callBackRingMs, () => call.state === "ringing" && call.hangUp());
      await call.connected;
      stop();
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }

  async #open(number: string, peer: string, direction: "in" | "out"): Promise<TelephoneCall> {
    const setting: CallSetting = {
      number,
      peer,
      direction,
      address: this.element.endpoint.address,
      rtpPorts: this.#o.rtpPorts,
      headers: this.#headers(number),
      media: (call, window) => tell(this.#onMedia, (listener) => listener(call, window)),
      key: (call, key) => tell(this.#onKey, (listener) => listener(call, key)),
    };
    const call = await TelephoneCall.open(setting);
    if (this.#closed) call.hangUp();
    this.#calls.push(call);
    if (this.#calls.length > mostCalls) this.#calls.shift();
    tell(this.#onCall, (listener) => listener(call));
    return call;
  }

  #after(ms: number, run: () => void): Stop {
    const stop: Stop = systemClock.setTimer(ms, () => {
      this.#timers.delete(stop);
      run();
    });
    this.#timers.add(stop);
    return stop;
  }
}

/** Whom to call back: the asserted number, else the asserted URI. */
function peerOf(request: SipRequest): string {
  const asserted = request.list("P-Asserted-Identity").map((value) => parseNameAddr(value).uri);
  const number = asserted.find((uri) => identityKey(uri).startsWith("tel:"));
  return number ?? asserted[0] ?? request.from.uri;
}
