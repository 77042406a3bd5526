import type { Hop, SipRequest, SipResponse, UserAgent } from "@portico/sip";

/** Sends a request out of any dialog of this node and waits for its final response. @returns undefined when none came. */
export async function relay(
  agent: UserAgent,
  request: SipRequest,
  next: Hop | Promise<Hop>,
): Promise<SipResponse | undefined> {
  let hop: Hop;
  try {
    hop = await next;
  } catch {
    // The name of the next hop has no address now.
    return undefined;
  }
  const { promise, resolve } = Promise.withResolvers<SipResponse | undefined>();
  agent.transactions.request(request, hop, {
    response: (response) => response.status >= 200 && resolve(response),
    failed: () => resolve(undefined),
  });
  return await promise;
}
