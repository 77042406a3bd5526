import { parseSdp } from "@portico/sdp";
import type { Direction } from "@portico/sdp";
import { octets } from "@portico/sip";
import type {
  Body,
  InviteEnd,
  InviteEvents,
  InviteUsage,
  ServerTransaction,
  SipMessage,
  SipResponse,
} from "@portico/sip";
import { systemRandom } from "@portico/transport";
import type { ToneWindow } from "../audio/goertzel.ts";
import type { TonePattern } from "../audio/tone.ts";
import { CallMedia } from "../rtp/callMedia.ts";
import type { MediaAgreement, MediaCounters } from "../rtp/callMedia.ts";
import { agreementOf, answerTo, offerOf } from "./sdp.ts";
import type { LocalMedia } from "./sdp.ts";

/** "ringing" until answered, in either direction. */
export type CallState = "ringing" | "connected" | "ended";

/** How a call ended. */
export interface CallEnd {
  /** "cancelled": given up while ringing; "rejected": answered with 3xx to 6xx. */
  readonly by: InviteEnd["by"] | "cancelled" | "rejected";
  /** The rejecting status. */
  readonly status?: number;
}

/** What a call is told about and tells. */
export interface CallSetting {
  /** The telephone's number, E.164 with plus. */
  readonly number: string;
  /** Identity of the other side: its P-Asserted-Identity, tel form first. */
  readonly peer: string;
  readonly direction: "in" | "out";
  readonly address: string;
  readonly rtpPorts: readonly [number, number];
  media(call: TelephoneCall, window: ToneWindow): void;
  key(call: TelephoneCall, key: string): void;
  /** Headers of the telephone's own requests and answers: Contact, P-Asserted-Identity … */
  readonly headers: [string, string][];
}

const sdpType = "application/sdp";

/** One call of a lab telephone: signalling and audio. */
export class TelephoneCall {
  readonly id: string = systemRandom.token(8);
  readonly number: string;
  readonly peer: string;
  readonly direction: "in" | "out";
  /** Resolves true when answered, false when the call ended before. */
  readonly connected: Promise<boolean>;
  readonly ended: Promise<CallEnd>;
  readonly #setting: CallSetting;
  readonly #media: CallMedia;
  readonly #local: { -readonly [K in keyof LocalMedia]: LocalMedia[K] };
  #usage: InviteUsage | undefined;
  #state: CallState = "ringing";
  #keys = "";
  #wanted: Direction = "sendrecv";
  #offered = false;
  #agreed = false;
  /** The answer that went out with a 183 already. */
  #early: Body | undefined;
  readonly #resolveConnected: (answered: boolean) => void;
  readonly #resolveEnded: (end: CallEnd) => void;

  private constructor(setting: CallSetting, media: CallMedia) {
    this.#setting = setting;
    this.#media = media;
    this.number = setting.number;
    this.peer = setting.peer;
    this.direction = setting.direction;
    this.#local = {
      address: media.address,
      port: media.port,
      sessionId: String(Math.floor(Math.random() * 2 ** 40)),
      version: 1,
    };
    const connected = Promise.withResolvers<boolean>();
    const ended = Promise.withResolvers<CallEnd>();
    this.connected = connected.promise;
    this.ended = ended.promise;
    this.#resolveConnected = connected.resolve;
    this.#resolveEnded = ended.resolve;
  }

  /** @throws LabError when no RTP port is free */
  static async open(setting: CallSetting): Promise<TelephoneCall> {
    const media = await CallMedia.open(setting.address, setting.rtpPorts, {
      window: (window) => setting.media(call, window),
      key: (key) => {
        call.#keys += key;
        setting.key(call, key);
      },
    });
    const call = new TelephoneCall(setting, media);
    return call;
  }

  get state(): CallState {
    return this.#state;
  }

  /** Keys heard so far. */
  get digits(): string {
    return this.#keys;
  }

  get counters(): MediaCounters {
    return this.#media.counters;
  }

  /** What was heard so far, in windows of 100 ms of received audio. */
  heard(): readonly ToneWindow[] {
    return this.#media.heard;
  }

  /** Plays a tone from now on; silence without one. */
  play(pattern: TonePattern | undefined): void {
    this.#media.play(pattern);
  }

  /** Sends back whatever is heard. */
  echo(): void {
    this.#media.echo();
  }

  /** Presses DTMF keys (RFC 4733): 0 to 9, *, #, A to D. */
  press(keys: string): void {
    this.#media.press(keys);
  }

  /** Ends the call in whatever state it is: CANCEL, 480 or BYE. Idempotent. */
  hangUp(): void {
    if (this.#usage === undefined) this.#end({ by: "local" });
    else this.#usage.end();
  }

  /** As {@link hangUp}; resolves when a BYE has been answered. */
  async release(): Promise<void> {
    if (this.#state === "connected" && this.#usage !== undefined) await this.#usage.request("BYE");
    else this.hangUp();
  }

  /** Re-INVITE with sendonly (RFC 3264 §8.4). @returns the status of the answer */
  hold(): Promise<number> {
    return this.#reoffer("sendonly");
  }

  /** Re-INVITE with sendrecv. @returns the status of the answer */
  resume(): Promise<number> {
    return this.#reoffer("sendrecv");
  }

  /** Our offer for the first INVITE of a call out. */
  offer(): Body {
    this.#offered = true;
    return { type: sdpType, text: offerOf(this.#local, this.#wanted) };
  }

  /** Takes the usage whose events are {@link events}. */
  attach(usage: InviteUsage): void {
    this.#usage = usage;
  }

  /** Early media: a reliable 183 with the answer (RFC 3262, RFC 5009). @returns false as {@link answer} */
  progress(): boolean {
    const usage = this.#usage;
    const offered = usage && sdpOf(usage.invite);
    const body = offered === undefined ? undefined : this.#answerBody(offered);
    if (usage === undefined || body === undefined) {
      this.reject(488);
      return false;
    }
    this.#early = body;
    const headers: [string, string][] = [...this.#setting.headers, ["P-Early-Media", "sendrecv"]];
    usage.progress(183, { headers, body, reliable: true });
    return true;
  }

  /** Answers a call in. @returns false when its offer has nothing for us: it was rejected with 488 */
  answer(): boolean {
    const usage = this.#usage;
    if (usage === undefined || this.#state !== "ringing") return false;
    const offered = sdpOf(usage.invite);
    const body = this.#early ?? (offered === undefined ? this.offer() : this.#answerBody(offered));
    if (body === undefined) {
      usage.reject(488);
      this.#end({ by: "rejected", status: 488 });
      return false;
    }
    // RFC 6337 §2.2: an answer that went out reliably is not repeated
    const repeats = this.#early === undefined || !supports100rel(usage.invite);
    usage.accept({ headers: this.#setting.headers, ...(repeats ? { body } : {}) });
    this.#connect();
    return true;
  }

  /** Rejects a call in. */
  reject(status: number): void {
    this.#usage?.reject(status, { headers: this.#setting.headers });
    this.#end({ by: "rejected", status });
  }

  /**
   * What the user agent tells this call.
   * @param beforeAck lets the owner of a call out choose the way of further requests
   */
  events(beforeAck: (response: SipResponse, usage: InviteUsage) => void = () => undefined): InviteEvents {
    return {
      progress: (response) => {
        const answer = sdpOf(response);
        if (answer !== undefined) this.#agreeOn(answer);
      },
      accepted: (response) => {
        if (this.#usage === undefined) return;
        beforeAck(response, this.#usage);
        this.#usage.ack();
        const answer = sdpOf(response);
        // Without an answer in the 2xx that of a reliable 18x holds
        if (answer === undefined ? this.#agreed : this.#agreeOn(answer)) this.#connect();
        else this.#usage.bye();
      },
      rejected: ({ status }) => this.#end({ by: status === 487 ? "cancelled" : "rejected", status }),
      cancelled: () => this.#end({ by: "cancelled" }),
      acknowledged: (ack) => {
        const answer = sdpOf(ack);
        if (this.#offered && answer !== undefined) this.#agreeOn(answer);
        this.#offered = false;
      },
      request: (tx) => this.#inDialog(tx),
      ended: ({ by }) => this.#end({ by }),
    };
  }

  #inDialog(tx: ServerTransaction): void {
    const { method } = tx.request;
    if (method !== "INVITE" && method !== "UPDATE") {
      if (method === "INFO" || method === "MESSAGE" || method === "OPTIONS") tx.reply(200);
      else tx.reply(501);
      return;
    }
    const headers = this.#setting.headers;
    const offered = sdpOf(tx.request);
    if (offered === undefined) {
      if (method === "UPDATE") tx.reply(200, { headers });
      else tx.reply(200, { headers, body: this.#nextOffer() });
      return;
    }
    const body = this.#answerBody(offered);
    if (body === undefined) tx.reply(488);
    else tx.reply(200, { headers, body });
  }

  async #reoffer(wanted: Direction): Promise<number> {
    if (this.#usage === undefined) return 481;
    const before = this.#wanted;
    this.#wanted = wanted;
    const response = await this.#usage.request("INVITE", { body: this.#nextOffer() });
    this.#offered = false;
    const answer = sdpOf(response);
    if (response.status !== 200 || answer === undefined) this.#wanted = before;
    else this.#agreeOn(answer);
    return response.status;
  }

  #nextOffer(): Body {
    this.#local.version += 1;
    return this.offer();
  }

  #answerBody(offer: string): Body | undefined {
    const answer = answerTo(parseSdp(offer), this.#local, this.#wanted);
    if (answer === undefined) return undefined;
    this.#local.version += 1;
    this.#media.agree(answer.agreement);
    return { type: sdpType, text: answer.text };
  }

  #agreeOn(answer: string): boolean {
    const agreement: MediaAgreement | undefined = agreementOf(parseSdp(answer), this.#wanted);
    if (agreement === undefined) return false;
    this.#media.agree(agreement);
    this.#agreed = true;
    return true;
  }

  #connect(): void {
    if (this.#state !== "ringing") return;
    this.#state = "connected";
    this.#resolveConnected(true);
  }

  #end(end: CallEnd): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#media.close();
    this.#resolveConnected(false);
    this.#resolveEnded(end);
  }
}

function supports100rel(invite: SipMessage): boolean {
  return [...invite.list("Supported"), ...invite.list("Require")].some((tag) => tag.trim().toLowerCase() === "100rel");
}

function sdpOf(message: SipMessage): string | undefined {
  if (message.body === "" || !/^\s*application\/sdp/i.test(message.get("Content-Type") ?? "")) return undefined;
  return octets.toText(message.body);
}
