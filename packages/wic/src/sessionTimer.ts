import type { Clock, SipMessage, SipResponse } from "@portico/sip";

/** What each side of a session timer does (RFC 4028 §7.1): one refreshes, the other waits for it. */
interface Terms {
  /** Seconds. */
  readonly interval: number;
  readonly weRefresh: boolean;
}

/** Seconds that our INVITE proposes, and the least that we accept (RFC 4028 §5). */
export const sessionInterval = 1800;
const leastInterval = 90;

/**
 * The session timer of one call (RFC 4028): refreshes by UPDATE at half time when that is our part, and gives the call up
 * when the other side's refresh stays out. Off until the network asks for it.
 */
export class SessionTimer {
  readonly #clock: Clock;
  readonly #refresh: (headers: [string, string][]) => Promise<SipResponse>;
  readonly #expired: () => void;
  #terms: Terms | undefined;
  #cancel: (() => void) | undefined;
  #over = false;

  constructor(o: {
    clock: Clock;
    /** Sends an UPDATE. */
    refresh(headers: [string, string][]): Promise<SipResponse>;
    /** The other side is gone: the call is to be ended (RFC 4028 §10). */
    expired(): void;
  }) {
    this.#clock = o.clock;
    this.#refresh = (headers) => o.refresh(headers);
    this.#expired = () => o.expired();
  }

  /** A 2xx to a request of ours, with or without the terms of the timer. */
  answered(response: SipMessage): void {
    const terms = termsOf(response, "uac");
    this.#start(terms);
  }

  /**
   * A request of the other side that asks for a timer.
   * @returns headers for our 2xx: we take its interval and leave the refreshing to it unless it says otherwise
   */
  asked(request: SipMessage): [string, string][] {
    const terms = termsOf(request, "uas");
    this.#start(terms);
    if (terms === undefined) return [];
    const headers: [string, string][] = [
      ["Session-Expires", `${terms.interval};refresher=${terms.weRefresh ? "uas" : "uac"}`],
    ];
    // RFC 4028 §9: a caller that refreshes must know that it does.
    if (!terms.weRefresh) headers.push(["Require", "timer"]);
    return headers;
  }

  /** Headers for a re-INVITE of ours, which refreshes the session too: the terms stay as they are (RFC 4028 §7.4). */
  terms(): [string, string][] {
    if (this.#terms === undefined) return [];
    const { interval, weRefresh } = this.#terms;
    return [["Session-Expires", `${interval};refresher=${weRefresh ? "uac" : "uas"}`]];
  }

  /** Idempotent. */
  close(): void {
    this.#over = true;
    this.#cancel?.();
  }

  #start(terms: Terms | undefined): void {
    this.#cancel?.();
    this.#terms = terms;
    if (terms === undefined || this.#over) return;
    const { interval, weRefresh } = terms;
    // RFC 4028 §10: refresh at half time; give up a little before the end, so that the BYE is still in time.
    this.#cancel = weRefresh
      ? this.#clock.setTimer(interval * 500, () => void this.#renew(interval))
      : this.#clock.setTimer((interval - Math.min(32, interval / 3)) * 1000, () => this.#expired());
  }

  async #renew(interval: number): Promise<void> {
    const response = await this.#refresh([
      ["Supported", "timer"],
      ["Session-Expires", `${interval};refresher=uac`],
    ]);
    if (this.#over) return;
    if (response.status < 300) return this.answered(response);
    // Anything but the end of the dialog (481, 408), which ends the call by itself: try once more in time.
    this.#cancel = this.#clock.setTimer(interval * 250, () => void this.#renew(interval));
  }
}

/** `us`: our part in the transaction that carries the terms. */
function termsOf(message: SipMessage, us: "uac" | "uas"): Terms | undefined {
  const [seconds, ...params] = (message.get("Session-Expires") ?? "").split(";");
  if (!/^\s*\d{1,9}\s*$/.test(seconds ?? "")) return undefined;
  const interval = Math.max(leastInterval, Number(seconds));
  const refresher = params
    .map((param) => /^\s*refresher\s*=\s*(ua[cs])\s*$/i.exec(param)?.[1]?.toLowerCase())
    .find(Boolean);
  return { interval, weRefresh: (refresher ?? "uac") === us };
}
