import type { InviteEnd, ServerTransaction, SipRequest } from "@portico/sip";
import { chromiumOffer } from "../bench/chromiumOffer.ts";
import type { WebPhone } from "./webPhone.ts";

/** What Chromium would answer to {@link chromiumOffer}. */
export const chromiumAnswer: string = chromiumOffer.replace("a=setup:actpass", "a=setup:active");

/** A call between two phones that stands. */
export interface WebCall {
  /** As the callee got it. */
  readonly invite: SipRequest;
  /** The callee hangs up. @returns what the caller hears of it */
  hangUp(): Promise<InviteEnd>;
}

/** One phone calls another, by way of the core. */
export async function connect(caller: WebPhone, callee: WebPhone, target: string): Promise<WebCall> {
  const invited = new Promise<ServerTransaction>((resolve) => (callee.take = resolve));
  const ended = Promise.withResolvers<InviteEnd>();
  const connected = Promise.withResolvers<void>();
  const usage = caller.call(target, chromiumOffer, {
    accepted: () => {
      usage.ack();
      connected.resolve();
    },
    ended: ended.resolve,
  });
  const far = callee.accept(await invited, chromiumAnswer, { ended: () => undefined });
  await connected.promise;
  return {
    invite: far.invite,
    hangUp: async () => {
      far.bye();
      return await ended.promise;
    },
  };
}
