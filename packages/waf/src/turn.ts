import { createHmac } from "node:crypto";

/** TURN servers that share a secret with the WAF, as coturn does with `use-auth-secret`. */
export interface TurnConfig {
  /** `turn:` and `turns:` URLs (RFC 7065). */
  readonly urls: readonly string[];
  readonly secret: string;
}

/** One entry of a browser's `RTCConfiguration.iceServers`. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username: string;
  readonly credential: string;
}

/**
 * Credentials good until `until` (draft-uberti-behave-turn-rest): the server needs no table of users, and nothing lasting
 * stands in a page (TS 33.203 X.5.1).
 *
 * @param until milliseconds since the epoch
 * @param user pseudonym, for the log of the TURN server
 */
export function turnCredentials(turn: TurnConfig, until: number, user: string): IceServer {
  const username = `${Math.floor(until / 1000)}:${user}`;
  return {
    urls: turn.urls,
    username,
    credential: createHmac("sha1", turn.secret).update(username).digest("base64"),
  };
}
