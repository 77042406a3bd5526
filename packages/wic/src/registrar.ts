import { SipRequest } from "@portico/sip";
import type { SipResponse, UserAgent } from "@portico/sip";
import type { LocalAddress } from "./address.ts";
import { bearerChallenge, isTrusted } from "./bearerChallenge.ts";
import { readBinding } from "./binding.ts";
import type { Binding } from "./binding.ts";
import { WicError } from "./errors.ts";
import type { WicErrorCode } from "./errors.ts";
import type { Flow } from "./flow.ts";
import { allow, mmtel, streamed } from "./headers.ts";
import type { ImsSession } from "./imsSession.ts";
import type { Platform } from "./platform.ts";
import type { TokenKeeper } from "./tokenKeeper.ts";

/** Timer F on W2 would be 128 s; a user is not left in the dark that long. */
const answerWithinMs = 10_000;
/** TS 24.229 §5.1.1.2: the UE asks for this; the network grants what the token allows. */
const wantedSeconds = 600_000;

/** Registers the identity of the session: builds REGISTER, repeats it once with a fresh token, reads the grant. */
export class Registrar {
  readonly #agent: UserAgent;
  readonly #platform: Platform;
  readonly #tokens: TokenKeeper;
  readonly #address: LocalAddress;
  readonly #trusted: readonly string[] | undefined;
  readonly #callId: string;
  readonly #fromTag: string;
  #cseq = 0;
  #wanted = wantedSeconds;

  constructor(o: {
    agent: UserAgent;
    platform: Platform;
    tokens: TokenKeeper;
    address: LocalAddress;
    trusted: readonly string[] | undefined;
  }) {
    this.#agent = o.agent;
    this.#platform = o.platform;
    this.#tokens = o.tokens;
    this.#address = o.address;
    this.#trusted = o.trusted;
    // RFC 3261 §10.2: one Call-ID for all registrations of one client.
    this.#callId = o.address.callId();
    this.#fromTag = o.address.tag();
  }

  /** Registers, or refreshes, over the flow. @throws WicError */
  async register(flow: Flow): Promise<Binding> {
    const response = await this.#send(flow, () => this.#wanted);
    if (response.status < 200 || response.status > 299) throw this.#failure(response);
    const session = this.#session();
    const contact = { uri: this.#address.contactUri(session), instance: this.#address.instance };
    return readBinding(response, contact, this.#wanted);
  }

  /** Ends the registration (RFC 3261 §10.2.2). @throws WicError when the network did not confirm */
  async deregister(flow: Flow): Promise<void> {
    const response = await this.#send(flow, () => 0);
    if (response.status < 200 || response.status > 299) throw this.#failure(response);
  }

  async #send(flow: Flow, expires: () => number): Promise<SipResponse> {
    let response = await this.#once(flow, expires());
    const interval = Number(response.get("Min-Expires"));
    if (response.status === 423 && interval > this.#wanted) {
      // RFC 3261 §10.2.8: interval too brief.
      this.#wanted = interval;
      response = await this.#once(flow, expires());
    }
    const challenge = bearerChallenge(response);
    if (challenge !== undefined && isTrusted(challenge, this.#trusted)) {
      // RFC 8898 §2.1.1: once; a fresh token that is refused too will not get better.
      await this.#tokens.renew();
      response = await this.#once(flow, expires());
    }
    return response;
  }

  async #once(flow: Flow, expires: number): Promise<SipResponse> {
    const session = this.#session();
    let cancel: (() => void) | undefined;
    const silence = new Promise<never>((_, reject) => {
      cancel = this.#platform.clock.setTimer(answerWithinMs, () => reject(new WicError("wic/connection-silent")));
    });
    try {
      return await Promise.race([this.#agent.send(this.#request(session, expires), flow), silence]);
    } finally {
      cancel?.();
    }
  }

  #request(session: ImsSession, expires: number): SipRequest {
    const contact = this.#address.contactUri(session);
    this.#cseq += 1;
    return SipRequest.create("REGISTER", `sip:${session.homeDomain}`, [
      ["Max-Forwards", "70"],
      ["From", `<${session.impu}>;tag=${this.#fromTag}`],
      ["To", `<${session.impu}>`],
      ["Call-ID", this.#callId],
      ["CSeq", `${this.#cseq} REGISTER`],
      [
        "Contact",
        `<${contact}>;reg-id=1;expires=${expires};+sip.instance="<${this.#address.instance}>";${mmtel};${streamed}`,
      ],
      ["Expires", String(expires)],
      ["Supported", "path, gruu, outbound"],
      ["Allow", allow],
    ]);
  }

  #failure(response: SipResponse): WicError {
    const { status } = response;
    const retryAfter = Number.parseInt(response.get("Retry-After") ?? "", 10);
    const more = { status, ...(retryAfter >= 0 && { retryAfter }) };
    if (status === 401 || status === 407) return new WicError("wic/not-authorized", more);
    // 439: the first hop lacks outbound, which no repetition changes (RFC 5626 §11.6).
    if ([400, 403, 404, 405, 416, 420, 439, 604, 606].includes(status)) {
      return new WicError("wic/registration-refused", more);
    }
    return new WicError(passing(response), more);
  }

  #session(): ImsSession {
    const { session } = this.#tokens;
    if (session === undefined) throw new WicError("wic/token-unavailable");
    return session;
  }
}

/** What a refusal says that another attempt may overcome. The portal names the network's own answer in Reason (RFC 3326). */
function passing(response: SipResponse): WicErrorCode {
  const { status } = response;
  const cause = Number(/^SIP\s*;\s*cause\s*=\s*(\d{3})\b/i.exec(response.get("Reason") ?? "")?.[1]);
  if (status === 408 || status === 504) return "wic/network-silent";
  if (status === 503 && cause >= 400 && cause < 500) return "wic/network-setup";
  // The portal's own 480: each one of the network's comes with its Reason.
  if (status === 480 && Number.isNaN(cause)) return "wic/company-full";
  return status === 480 || status === 503 ? "wic/network-busy" : "wic/registration-failed";
}
