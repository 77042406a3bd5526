import type { Body, HeaderList } from "./messageBase.ts";
import { reasonPhrase } from "./reasonPhrases.ts";
import type { SipRequest } from "./request.ts";
import { SipResponse } from "./response.ts";

/** What a response adds to what it copies from its request. */
export interface ResponseOptions {
  /** Reason phrase in place of the registered one. */
  readonly reason?: string;
  /** Tag for To when the request has none there; ignored for 100. */
  readonly toTag?: string;
  readonly headers?: HeaderList;
  readonly body?: Body;
}

/**
 * Answers a request: Via, From, To, Call-ID and CSeq are its own, octet for octet (RFC 3261 §8.2.6.2), Record-Route too
 * where the response can make a dialog (§12.1.1), Timestamp in a 100 (§8.2.6.1).
 * @throws SipError `sip/injection`
 *
 * @example
 * const busy = createResponse(invite, 486, { toTag: random.token(10) });
 * hop.send(busy.toOctets());
 */
export function createResponse(request: SipRequest, status: number, options: ResponseOptions = {}): SipResponse {
  const response = SipResponse.create(status, options.reason ?? reasonPhrase(status), []);
  response.copy(request, "Via");
  if (status > 100 && status < 300) response.copy(request, "Record-Route");
  response.copy(request, "From").copy(request, "To").copy(request, "Call-ID").copy(request, "CSeq");
  if (status === 100) response.copy(request, "Timestamp");
  else if (options.toTag !== undefined && request.toTag === undefined) response.tagTo(options.toTag);
  for (const [name, value] of options.headers ?? []) response.add(name, value);
  return options.body === undefined ? response : response.setBody(options.body.type, options.body.text);
}
