import type { SipResponse } from "../message.ts";
import { readSeconds } from "../seconds.ts";

/** A Subscription-State header field (RFC 6665 §8.2.3). */
export interface SubscriptionState {
  readonly state: "pending" | "active" | "terminated";
  /** Seconds left. */
  readonly expires: number | undefined;
  /** Lower case. */
  readonly reason: string | undefined;
  /** Seconds. */
  readonly retryAfter: number | undefined;
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
  readonly retryAfter?: number | undefined;
  /** What refused it. */
  readonly response?: SipResponse;
}

/** Reads Subscription-State leniently: absent or unknown states count as active (RFC 6665 §4.1.3: extensions). */
export function readState(value = ""): SubscriptionState {
  const state = readName(value);
  return {
    state: state === "pending" || state === "terminated" ? state : "active",
    expires: readSeconds(readParam(value, "expires")),
    reason: readParam(value, "reason")?.toLowerCase(),
    retryAfter: readSeconds(readParam(value, "retry-after")),
  };
}

/** RFC 6665 §8.2.1: package and id. A NOTIFY that names no event is taken for ours. */
export function sameEvent(got: string | undefined, ours: string): boolean {
  return got === undefined || (readName(got) === readName(ours) && readParam(got, "id") === readParam(ours, "id"));
}

/** What stands before the parameters, in lower case. */
function readName(value: string): string {
  return value.replace(/;.*/, "").trim().toLowerCase();
}

function readParam(value: string, name: string): string | undefined {
  return new RegExp(`;\\s*${name}\\s*=([^;]*)`, "i").exec(value)?.[1]?.trim();
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
  const passing = [408, 480, 481, 486].includes(status) || (status >= 500 && status < 600);
  const retryAfter = readSeconds(response.get("Retry-After")) ?? (passing ? 0 : undefined);
  return { reason: "refused", response, retryAfter };
}
