import { parseNameAddr, parseUri } from "@portico/sip";
import type { SipRequest, SipUri } from "@portico/sip";
import type { Element, LabHop } from "./element.ts";

/**
 * Takes the element's own entries off the top of Route (RFC 3261 §16.4; several after a hairpin).
 * @returns the user parts of what was taken, top first: what we wrote there tells us the request's role
 */
export function takeOwnRoutes(element: Element, request: SipRequest): (string | undefined)[] {
  const taken: (string | undefined)[] = [];
  for (const value of request.list("Route")) {
    const uri = parseUri(parseNameAddr(value).uri);
    if (!element.owns(uri)) break;
    taken.push(uri.user);
    request.removeFirst("Route");
  }
  return taken;
}

/** The top Route's URI, if there is one. */
export function topRoute(request: SipRequest): SipUri | undefined {
  const [top] = request.list("Route");
  return top === undefined ? undefined : parseUri(parseNameAddr(top).uri);
}

/** RFC 3261 §16.6 step 6 and 7: the first Route entry, else the Request-URI, decides the next hop. */
export function nextHop(element: Element, request: SipRequest): LabHop {
  return element.hopToUri(topRoute(request) ?? request.uri);
}

/** Lowers Max-Forwards (RFC 3261 §16.6 step 3). @returns false when it was used up: answer 483 */
export function countHop(request: SipRequest): boolean {
  const left = Number(request.get("Max-Forwards") ?? "70");
  if (left <= 0) return false;
  request.set("Max-Forwards", String(left - 1));
  return true;
}

/** Whether the neighbour that sent the request is that element: its Via is on top. */
export function cameFrom(request: SipRequest, element: Element): boolean {
  const { host, port } = request.topVia;
  return element.owns({ scheme: "sip", host, port: port ?? 5060, params: new Map() });
}
