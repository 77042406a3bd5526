import type { Hop, SipRequest, SipResponse, Target, UserAgent } from "@portico/sip";
import { Way } from "./way.ts";

/**
 * Sends a request out of any dialog of this node and waits for its final response; along a way, to the next target when one gives
 * 503, cannot be reached or stays silent (RFC 3263 §4.3).
 * @returns undefined when none came; the last 503 when there was nothing else
 */
export function relay(agent: UserAgent, request: SipRequest, to: Hop | Way): Promise<SipResponse | undefined> {
  if (!(to instanceof Way)) return once(agent, request, to);
  return to.only === undefined ? along(agent, request, to) : toOnly(agent, request, to, to.only);
}

function once(agent: UserAgent, request: SipRequest, hop: Hop): Promise<SipResponse | undefined> {
  const { promise, resolve } = Promise.withResolvers<SipResponse | undefined>();
  agent.transactions.request(request, hop, {
    response: (response) => response.status >= 200 && resolve(response),
    failed: () => resolve(undefined),
  });
  return promise;
}

function toOnly(agent: UserAgent, request: SipRequest, way: Way, target: Target): Promise<SipResponse | undefined> {
  const { promise, resolve } = Promise.withResolvers<SipResponse | undefined>();
  agent.transactions.request(request, way.hopTo(target), {
    response: (response) => {
      if (response.status < 200) return;
      if (response.status === 503) way.failed(target, retryAfter(response));
      else way.answered(target);
      resolve(response);
    },
    failed: () => {
      way.failed(target);
      resolve(undefined);
    },
  });
  return promise;
}

function along(agent: UserAgent, request: SipRequest, way: Way): Promise<SipResponse | undefined> {
  const { promise, resolve } = Promise.withResolvers<SipResponse | undefined>();
  /** What stops each attempt that is under way. */
  const underWay = new Set<() => void>();
  let refused: SipResponse | undefined;
  let answered = false;
  const attempt = async (): Promise<void> => {
    const target = await way.next();
    if (answered) return;
    if (target === undefined) {
      if (underWay.size === 0) resolve(refused);
      return;
    }
    let slow = false;
    // A slow one may still answer first: the request has not failed there.
    const stop = way.whenSlow(target, () => {
      slow = true;
      void attempt();
    });
    const failed = (seconds?: number): void => {
      stop();
      underWay.delete(giveUp);
      way.failed(target, seconds);
      if (!slow || underWay.size === 0) void attempt();
    };
    // A new transaction for each target, with a branch of its own (RFC 3263 §4.3).
    const transaction = agent.transactions.request(request, way.hopTo(target), {
      response: (response) => {
        stop();
        if (response.status < 200) return;
        if (response.status === 503) {
          refused = response;
          failed(retryAfter(response));
          return;
        }
        way.answered(target);
        answered = true;
        underWay.delete(giveUp);
        // What a silent one would still be sent might arrive after the next request, and undo it.
        for (const other of underWay) other();
        resolve(response);
      },
      failed: () => failed(),
    });
    const giveUp = (): void => {
      stop();
      transaction.giveUp();
    };
    underWay.add(giveUp);
  };
  void attempt();
  return promise;
}

/** Seconds of Retry-After; 0 without. */
export function retryAfter(response: SipResponse): number {
  return Number.parseInt(response.get("Retry-After") ?? "", 10) || 0;
}
