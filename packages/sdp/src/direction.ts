import { addressOf, getAttribute } from "./description.ts";
import { isDisabled } from "./mediaLines.ts";
import type { AttributeOwner, MediaDescription, SessionDescription } from "./description.ts";

/** Which way media flows, seen from the side whose description it stands in (RFC 8866 §6.7). */
export type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";

const directions: ReadonlySet<string> = new Set<Direction>(["sendrecv", "sendonly", "recvonly", "inactive"]);

/**
 * The direction of a medium: its own, else the session's, else sendrecv. A refused or removed one is inactive.
 *
 * @example
 * ```ts
 * const offer = parseSdp("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=sendonly\r\nm=audio 4000 RTP/AVP 8\r\n");
 * for (const media of offer.media) directionOf(offer, media); // "sendonly"
 * ```
 */
export function directionOf(session: SessionDescription, media: MediaDescription): Direction {
  if (isDisabled(media)) return "inactive";
  const direction = written(media) ?? written(session) ?? "sendrecv";
  // RFC 3264 §8.4: c=0.0.0.0 is the old way to put the far end on hold. With ICE it is only the placeholder of an
  // offer made before candidates are known.
  const address = addressOf(session, media)?.address;
  const placeholder = getAttribute(media, "ice-ufrag") ?? getAttribute(session, "ice-ufrag");
  return address === "0.0.0.0" && placeholder === undefined ? intersect("recvonly", direction) : direction;
}

/**
 * The same flow seen from the other side.
 *
 * @example
 * ```ts
 * reverse("sendonly"); // "recvonly"
 * ```
 */
export function reverse(direction: Direction): Direction {
  if (direction === "sendonly") return "recvonly";
  return direction === "recvonly" ? "sendonly" : direction;
}

/**
 * The direction to answer an offer with, given what this side wants (RFC 3264 §6.1).
 *
 * @example
 * ```ts
 * intersect("sendonly", "sendrecv"); // "recvonly"
 * intersect("sendonly", "sendonly"); // "inactive"
 * ```
 */
export function intersect(offer: Direction, wanted: Direction): Direction {
  const speaks = receives(offer) && sends(wanted);
  const hears = sends(offer) && receives(wanted);
  if (speaks) return hears ? "sendrecv" : "sendonly";
  return hears ? "recvonly" : "inactive";
}

/**
 * The direction to offer in order to put the other side on hold (RFC 3264 §8.4): nothing is to come in. Offering the
 * direction from before ends the hold.
 *
 * @example
 * ```ts
 * hold("sendrecv"); // "sendonly"
 * hold("recvonly"); // "inactive"
 * ```
 */
export function hold(direction: Direction): Direction {
  return sends(direction) ? "sendonly" : "inactive";
}

/**
 * Whether the side that says this sends media.
 *
 * @example
 * ```ts
 * sends("sendonly"); // true
 * ```
 */
export function sends(direction: Direction): boolean {
  return direction === "sendrecv" || direction === "sendonly";
}

/**
 * Whether the side that says this takes media; one that does not keeps the other on hold.
 *
 * @example
 * ```ts
 * receives("sendonly"); // false
 * ```
 */
export function receives(direction: Direction): boolean {
  return direction === "sendrecv" || direction === "recvonly";
}

function written(owner: AttributeOwner): Direction | undefined {
  return owner.attributes.find(({ name }) => directions.has(name))?.name as Direction | undefined;
}
