import { addressOf, getAttribute } from "./description.ts";
import type { AttributeOwner, MediaDescription, SessionDescription } from "./description.ts";

/** Which way media flows, seen from the side whose description it stands in (RFC 8866 §6.7). */
export type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";

const directions: ReadonlySet<string> = new Set<Direction>(["sendrecv", "sendonly", "recvonly", "inactive"]);

/** The direction of a medium: its own, else the session's, else sendrecv. A port of 0 is inactive. */
export function directionOf(session: SessionDescription, media: MediaDescription): Direction {
  if (media.port === 0) return "inactive";
  const direction = written(media) ?? written(session) ?? "sendrecv";
  // RFC 3264 §8.4: c=0.0.0.0 is the old way to put the far end on hold. With ICE it is only the placeholder of an
  // offer made before candidates are known.
  const address = addressOf(session, media)?.address;
  const placeholder = getAttribute(media, "ice-ufrag") ?? getAttribute(session, "ice-ufrag");
  return address === "0.0.0.0" && placeholder === undefined ? intersect("recvonly", direction) : direction;
}

/** The same flow seen from the other side. */
export function reverse(direction: Direction): Direction {
  if (direction === "sendonly") return "recvonly";
  return direction === "recvonly" ? "sendonly" : direction;
}

/** The direction to answer an offer with, given what this side wants (RFC 3264 §6.1). */
export function intersect(offer: Direction, wanted: Direction): Direction {
  const sends = receives(offer) && transmits(wanted);
  const hears = transmits(offer) && receives(wanted);
  if (sends) return hears ? "sendrecv" : "sendonly";
  return hears ? "recvonly" : "inactive";
}

function transmits(direction: Direction): boolean {
  return direction === "sendrecv" || direction === "sendonly";
}

function receives(direction: Direction): boolean {
  return direction === "sendrecv" || direction === "recvonly";
}

function written(owner: AttributeOwner): Direction | undefined {
  return owner.attributes.find(({ name }) => directions.has(name))?.name as Direction | undefined;
}
