import { pick } from "../chance.ts";
import type { Random } from "../ports.ts";
import type { InviteUsage } from "./usage.ts";

/**
 * How long to wait after a 491 before the re-INVITE or UPDATE is sent again, in milliseconds: 2100 to 4000 for the side that
 * chose the Call-ID, 0 to 2000 for the other, in steps of 10 (RFC 3261 §14.1).
 *
 * @example
 * const { status } = await call.request("UPDATE");
 * if (status === 491) clock.setTimer(glareDelay(call, random), () => void call.request("UPDATE"));
 */
export function glareDelay(usage: InviteUsage, random: Random): number {
  return 10 * (usage.role === "caller" ? pick(random, 210, 400) : pick(random, 0, 200));
}
