import type { HeaderList, SipMessage, SipResponse } from "../message.ts";
import type { Clock } from "../ports.ts";
import { longestTime, readSeconds } from "../seconds.ts";
import { TimerBank } from "../transaction/timerBank.ts";

/** What both sides of a session have agreed on (RFC 4028 §7, §9). */
export interface SessionTerms {
  /** Seconds from one refresh to the end of the session. */
  readonly interval: number;
  /** True: we refresh; false: we wait for the peer's. */
  readonly weRefresh: boolean;
}

/** What a {@link SessionTimer} is given by the leg it serves. */
export interface SessionTimerOptions {
  readonly clock: Clock;
  /** Seconds our first request proposes, 90 to 2 000 000; 1800 if left out (RFC 4028 §4). */
  readonly interval?: number;
  /** Seconds below which we take no interval; 90 if left out, the least RFC 4028 §5 allows. */
  readonly least?: number;
  /** Sends the refresh: an UPDATE or a re-INVITE with these header fields. Must not reject. */
  refresh(headers: HeaderList): Promise<SipResponse>;
  /** No refresh has succeeded in time: a BYE is due (RFC 4028 §10). Told once. */
  expired(): void;
}

/** Seconds a request of ours proposes unless told otherwise (RFC 4028 §4). */
const usualInterval = 1800;
/** RFC 4028 §5: no Min-SE below 90 seconds. */
const leastOfAll = 90;

/**
 * The session timer of one leg (RFC 4028), caller or callee: who refreshes, when, and when to give up. Off until both sides have
 * agreed; a 2xx without Session-Expires turns it off again.
 *
 *           2xx, or request of the peer, with Session-Expires
 *    off ----------------------------------------------> waiting <--------------.
 *     ^                                                  ^ | | |                |
 *     |     the same without Session-Expires             `-' | | half time,     |
 *     +------------------------------------------------------' | we refresh     | 2xx
 *     |                                                        v                |
 *     `--------------------------------------------------- refreshing ----------'
 *           422: again, longer                                 ^ | |
 *           another refusal: again, later                      `-' |
 *                                                                  |
 *           no refresh in time: tell                               v
 *    waiting --------------------------------------------------> expired
 *
 * @example
 * const timer = new SessionTimer({
 *   clock,
 *   refresh: (headers) => call.request("UPDATE", { headers }),
 *   expired: () => call.bye([["Reason", 'SIP;cause=408;text="Session timeout"']]),
 * });
 * for (const [name, value] of timer.proposal()) invite.add(name, value);
 * const events: InviteEvents = {
 *   accepted: (response) => timer.answered(response),
 *   request: (tx) => tx.reply(200, { headers: timer.asked(tx.request) }),
 *   ended: () => timer.close(),
 * };
 */
export class SessionTimer {
  readonly #o: SessionTimerOptions;
  readonly #least: number;
  readonly #timers: TimerBank<"refresh" | "expiry">;
  #wanted: number;
  /** The largest Min-SE heard; goes into our later requests (RFC 4028 §7.4). */
  #minSe: number;
  #terms: SessionTerms | undefined;
  #over = false;

  constructor(options: SessionTimerOptions) {
    this.#o = options;
    this.#least = Math.max(leastOfAll, options.least ?? leastOfAll);
    this.#minSe = this.#least;
    this.#wanted = Math.max(this.#least, options.interval ?? usualInterval);
    this.#timers = new TimerBank(options.clock);
  }

  /** What holds now; undefined while the timer is off. */
  get agreed(): SessionTerms | undefined {
    return this.#terms;
  }

  /** Header fields of the first INVITE of ours (RFC 4028 §7.1); the refresher is left to the peer. */
  proposal(): [string, string][] {
    return [["Supported", "timer"], ["Session-Expires", String(this.#wanted)], ...this.#minimum()];
  }

  /**
   * A 422 to a request of ours (RFC 4028 §7.3): its Min-SE counts from now on.
   * @returns header fields to send the request with again; undefined when the answer is no use, so that it is final
   */
  refused(response: SipResponse): [string, string][] | undefined {
    const least = response.status === 422 ? readSeconds(response.get("Min-SE")) : undefined;
    if (least === undefined || least <= this.#wanted || least === longestTime) return undefined;
    this.#minSe = Math.max(this.#minSe, least);
    this.#wanted = least;
    return this.proposal();
  }

  /** A 2xx to an INVITE or UPDATE of ours, with or without terms. */
  answered(response: SipMessage): void {
    const refresher = refresherOf(response) ?? "uac";
    this.#start(intervalOf(response, this.#least), refresher === "uac");
  }

  /**
   * A request of the peer's proposes less than we take (RFC 4028 §9): to be answered 422 with these header fields. Undefined when
   * it is to be accepted; also from a peer without session timers, which could make nothing of a 422.
   */
  tooShort(request: SipMessage): [string, string][] | undefined {
    const interval = readSeconds(request.get("Session-Expires"));
    if (interval === undefined || interval >= this.#least || !supportsTimer(request)) return undefined;
    return [["Min-SE", String(this.#least)]];
  }

  /**
   * An INVITE or UPDATE of the peer that is about to get a 2xx.
   * @returns header fields for our 2xx: its interval, and (RFC 4028 §9, table 2) the peer refreshes if it can
   */
  asked(request: SipMessage): [string, string][] {
    const interval = intervalOf(request, this.#least);
    const refresher = refresherOf(request) ?? (supportsTimer(request) ? "uac" : "uas");
    this.#minSe = Math.max(this.#minSe, readSeconds(request.get("Min-SE")) ?? 0);
    this.#start(interval, refresher === "uas");
    if (interval === undefined) return [];
    const headers: [string, string][] = [["Session-Expires", `${interval};refresher=${refresher}`]];
    // RFC 4028 §9: a peer that refreshes must know that it does.
    if (refresher === "uac") headers.push(["Require", "timer"]);
    return headers;
  }

  /** Header fields of a further request of ours, which refreshes the session too: the terms stay (RFC 4028 §7.4). */
  terms(): [string, string][] {
    if (this.#terms === undefined) return [];
    const { interval, weRefresh } = this.#terms;
    return [["Session-Expires", `${interval};refresher=${weRefresh ? "uac" : "uas"}`], ...this.#minimum()];
  }

  /** The session is over. Idempotent. */
  close(): void {
    this.#over = true;
    this.#timers.stopAll();
  }

  #minimum(): [string, string][] {
    // RFC 4028 §5: 90 is the default and need not be said.
    return this.#minSe > leastOfAll ? [["Min-SE", String(this.#minSe)]] : [];
  }

  #start(interval: number | undefined, weRefresh: boolean): void {
    this.#timers.stopAll();
    this.#terms = interval === undefined ? undefined : { interval, weRefresh };
    if (interval === undefined || this.#over) return;
    // RFC 4028 §10: a little before the end, so that the BYE is still in time.
    const patience = interval - Math.min(32, interval / 3);
    this.#timers.start("expiry", patience * 1000, () => this.#expire());
    // RFC 4028 §7.4: refreshed at half time.
    if (weRefresh) this.#timers.start("refresh", interval * 500, () => void this.#renew(interval));
  }

  async #renew(interval: number): Promise<void> {
    const before = this.#terms;
    const response = await this.#o.refresh([
      ["Supported", "timer"],
      ["Session-Expires", `${interval};refresher=uac`],
      ...this.#minimum(),
    ]);
    // A request that crossed has refreshed the session already, or ended it.
    if (this.#over || this.#terms !== before) return;
    if (response.status < 300) return this.answered(response);
    this.#wanted = interval;
    if (this.refused(response)) return void this.#renew(this.#wanted);
    // What ends the dialog (481, 408) ends the call by itself. Anything else may pass (491, 500, a flow that is replaced).
    this.#timers.start("refresh", interval * 250, () => void this.#renew(interval));
  }

  #expire(): void {
    this.close();
    this.#o.expired();
  }
}

function intervalOf(message: SipMessage, least: number): number | undefined {
  const interval = readSeconds(message.get("Session-Expires"));
  return interval === undefined ? undefined : Math.min(longestTime, Math.max(least, interval));
}

function refresherOf(message: SipMessage): "uac" | "uas" | undefined {
  const value = /;\s*refresher\s*=\s*(ua[cs])\s*(?:;|$)/i.exec(message.get("Session-Expires") ?? "")?.[1];
  return value?.toLowerCase() as "uac" | "uas" | undefined;
}

function supportsTimer(message: SipMessage): boolean {
  return ["Supported", "Require"].some((name) => message.list(name).some((tag) => tag.toLowerCase() === "timer"));
}
