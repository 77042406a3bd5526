import type { SipRequest, SipResponse } from "../message.ts";

const cookie = "z9hG4bK";

/** RFC 3261 §17.1.3: a response belongs to the client transaction with the branch of its top Via and its CSeq method. */
export function clientKey(message: SipRequest | SipResponse): string {
  return `${message.topVia.params.get("branch") ?? ""} ${message.cseq.method}`;
}

/** RFC 3261 §17.2.3. An ACK has the key of its INVITE; `method` gives a CANCEL that of its INVITE. */
export function serverKey(request: SipRequest, method: string = request.method): string {
  const kind = method === "ACK" ? "INVITE" : method;
  const via = request.topVia;
  const branch = via.params.get("branch");
  if (branch?.startsWith(cookie)) return `${branch} ${via.host.toLowerCase()}:${via.port ?? ""} ${kind}`;
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
  return [request.callId, request.fromTag, number, method, request.uri, request.get("Route")].join(" ");
}
