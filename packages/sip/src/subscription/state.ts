import type { SipResponse } from "../message.ts";
import { readSeconds } from "../seconds.ts";

/** A Subscription-State header field (RFC 6665 §8.2.3). */
export interface SubscriptionState {
  readonly state: "pending" | "active" | "terminated";
  /** Seconds left. */
  readonly expires?: number;
  /** Lower case. */
  readonly reason?: string;
  /** Seconds. */
  readonly retryAfter?: number;
}

/**
 * Why a subscription is over.
 *
 * @example
 * function again({ retryAfter }: SubscriptionEnd, subscribeAnew: () => void): void {
 *   if (retryAfter !== undefined) clock.setTimer(1000 * retryAfter, subscribeAnew);
 * }
 */
export interface SubscriptionEnd {
  /**
   * The reason of the last NOTIFY in lower case (`deactivated`, `probation`, `rejected`, `timeout`, `giveup`, `noresource`,
   * `invariant`), `terminated` when it gave none; or `refused`: a SUBSCRIBE got no 2xx; `silent`: no NOTIFY came; `expired`: no
   * refresh succeeded; `unsubscribed`: by us.
   */
  readonly reason: string;
  /** Seconds after which a new subscription makes sense, 0 for at once; absent: it makes none (RFC 6665 §4.1.3). */
  readonly retryAfter?: number;
  /** What refused it. */
  readonly response?: SipResponse;
}

/** Reads Subscription-State leniently: absent or unknown states count as active (RFC 6665 §4.1.3: extensions). */
export function readState(value: string | undefined): SubscriptionState {
  const [first = "", ...params] = (value ?? "").split(";", 16).map((part) => part.trim());
  const state = first.toLowerCase();
  const param = (name: string): string | undefined => {
    const found = params.find((each) => each.toLowerCase().startsWith(name) && /^\s*=/.test(each.slice(name.length)));
    return found?.slice(found.indexOf("=") + 1).trim();
  };
  const expires = readSeconds(param("expires"));
  const retryAfter = readSeconds(param("retry-after"));
  const reason = param("reason")?.toLowerCase();
  return {
    state: state === "pending" || state === "terminated" ? state : "active",
    ...(expires === undefined ? {} : { expires }),
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

/** RFC 6665 §4.1.3: what the reason of a last NOTIFY means for another try. */
export function endOfNotify({ reason = "terminated", retryAfter }: SubscriptionState): SubscriptionEnd {
  if (reason === "rejected" || reason === "noresource" || reason === "invariant") return { reason };
  // Deactivated and timeout: at once, retry-after has no meaning there.
  return { reason, retryAfter: reason === "deactivated" || reason === "timeout" ? 0 : (retryAfter ?? 0) };
}

/** What a final response other than 2xx means for another try. */
export function endOfRefusal(response: SipResponse): SubscriptionEnd {
  const { status } = response;
  const passing =
    status === 408 || status === 480 || status === 481 || status === 486 || (status >= 500 && status < 600);
  const retryAfter = readSeconds(response.get("Retry-After")) ?? (passing ? 0 : undefined);
  return { reason: "refused", response, ...(retryAfter === undefined ? {} : { retryAfter }) };
}
