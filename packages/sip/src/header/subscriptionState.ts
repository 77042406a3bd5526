import { SipError } from "../errors.ts";
import type { Params } from "../params.ts";
import { formatParams } from "../params.ts";
import { isToken } from "../scan.ts";
import { numberParam, parseField } from "./field.ts";

/** Subscription-State (RFC 6665 §8.2.3). */
export interface SubscriptionState {
  /** `active`, `pending`, `terminated` or another token, in lower case. */
  readonly state: string;
  /** Seconds left. */
  readonly expires?: number;
  /** Why it ended: `deactivated`, `probation`, `rejected`, `timeout`, `giveup`, `noresource`, `invariant`. */
  readonly reason?: string;
  /** Seconds before a new attempt. */
  readonly retryAfter?: number;
}

/**
 * Reads Subscription-State.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parseSubscriptionState("active;expires=3600").expires; // 3600
 * ```
 */
export function parseSubscriptionState(text: string): SubscriptionState {
  const { value, params } = parseField(text, "Subscription-State");
  if (!isToken(value)) throw new SipError("sip/value", "Subscription-State");
  const expires = numberParam(params, "expires");
  const reason = params.get("reason")?.toLowerCase();
  const retryAfter = numberParam(params, "retry-after");
  return {
    state: value.toLowerCase(),
    ...(expires === undefined ? {} : { expires }),
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

/**
 * Writes Subscription-State.
 * @throws SipError `sip/injection`
 * @example
 * ```ts
 * formatSubscriptionState({ state: "terminated", reason: "timeout" }); // "terminated;reason=timeout"
 * ```
 */
export function formatSubscriptionState(field: SubscriptionState): string {
  if (!isToken(field.state)) throw new SipError("sip/injection", "subscription state");
  const params: Params = new Map();
  if (field.reason !== undefined) params.set("reason", field.reason);
  if (field.expires !== undefined) params.set("expires", String(field.expires));
  if (field.retryAfter !== undefined) params.set("retry-after", String(field.retryAfter));
  return `${field.state}${formatParams(params)}`;
}
