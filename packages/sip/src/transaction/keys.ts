import type { SipRequest, SipResponse } from "../message.ts";

const cookie = "z9hG4bK";

/**
 * Sent-by and branch of a Via element as nearly all are written, `SIP/2.0/WS host:1;branch=…;…`; undefined for others, which
 * the parser reads. Nothing but the branch is looked for, in linear time.
 */
const usual =
  /^SIP\/2\.0\/[A-Z]+ ([\w.-]+(?::[1-9]\d*)?);(?:rport;)?branch=([\w.!%*+`'~-]+)(?:;(?:rport=\d+|received=[\w.:-]+|rport))*$/;

/** The sent-by, in lower case, and the branch of the top Via. */
function topVia(message: SipRequest | SipResponse): readonly [sentBy: string, branch: string | undefined] {
  const [, sentBy, branch] = usual.exec(message.get("Via") ?? "") ?? [];
  if (sentBy !== undefined) return [sentBy.toLowerCase(), branch];
  const { host, port, params } = message.topVia;
  return [port === undefined ? host.toLowerCase() : `${host.toLowerCase()}:${port}`, params.get("branch")];
}

/** RFC 3261 §17.1.3: a response belongs to the client transaction with the branch of its top Via and its CSeq method. */
export function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`;
}

export function responseKey(response: SipResponse): string {
  return clientKey(topVia(response)[1] ?? "", response.cseq.method);
}

/** RFC 3261 §17.2.3. An ACK has the key of its INVITE; `method` gives a CANCEL that of its INVITE. */
export function serverKey(request: SipRequest, method: string = request.method): string {
  const kind = method === "ACK" ? "INVITE" : method;
  const [sentBy, branch] = topVia(request);
  if (branch?.startsWith(cookie)) return `${branch} ${sentBy} ${kind}`;
  // RFC 3261 §17.2.3, for RFC 2543 peers. The To tag is left out: their ACK has one, their INVITE has none.
  return [request.uri, request.fromTag, request.callId, request.cseq.number, request.list("Via")[0], kind].join(" ");
}

/**
 * RFC 3261 §8.2.2.2: two requests with one key and different transactions are one request that came by two ways. The
 * Request-URI and the Route belong to the key because one process may be many user agents (the contacts of one user behind one
 * eP-CSCF, told apart by contact and flow token): a fork to two of them is no merge.
 */
export function mergeKey(request: SipRequest): string {
  const { number, method } = request.cseq;
  return `${request.callId} ${request.fromTag} ${number} ${method} ${request.uri} ${request.get("Route")}`;
}
