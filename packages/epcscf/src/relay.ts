import type { Hop, SipRequest, SipResponse, UserAgent } from "@portico/sip";

/** Sends a request out of any dialog of this node and waits for its final response. @returns undefined when none came. */
export async function relay(
  agent: UserAgent,
  request: SipRequest,
  next: Promise<Hop>,
  provisional?: (response: SipResponse) => void,
): Promise<SipResponse | undefined> {
  let hop: Hop;
  try {
    hop = await next;
  } catch {
    // The name of the next hop has no address now.
    return undefined;
  }
  return new Promise((resolve) => {
    agent.transactions.request(request, hop, {
      response: (response) => {
        if (response.status >= 200) resolve(response);
        else if (response.status > 100) provisional?.(response);
      },
      failed: () => resolve(undefined),
    });
  });
}
