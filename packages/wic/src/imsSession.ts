/**
 * What the third party's web server (WWSF) answers to the page: who the user is in IMS and how to get there.
 *
 * The access token is opaque to the browser and must stay in memory (RFC 8898 §5).
 */
export interface ImsSession {
  /** IMS public user identity assigned to the user, for example `sip:u0001@acme.ims.test`. */
  readonly impu: string;
  /** Telephone number of the identity, E.164 with `+`. */
  readonly tel?: string;
  readonly displayName?: string;
  /** Home network domain: the Request-URI of REGISTER. */
  readonly homeDomain: string;
  /** WebSocket URLs of the portal, best first. `wss:` only, but for `ws:` on the own host. */
  readonly wss: readonly string[];
  readonly accessToken: string;
  /** Life of the access token in seconds from now; the user's clock is never asked. */
  readonly expiresIn: number;
  /** STUN and TURN servers with short-lived credentials. */
  readonly iceServers?: readonly RTCIceServer[];
  readonly services?: readonly string[];
  /** Numbers that are emergency numbers where the service is offered. */
  readonly emergencyNumbers?: readonly string[];
}

/**
 * Fetches a fresh {@link ImsSession}; called for the first token and for each later one.
 *
 * Reject with an error whose `status` is 401 or 403 when the user is signed out at the third party: that ends the
 * client. Every other rejection is taken as passing, and asked again later.
 *
 * @example
 * const tokens: TokenSource = async () => {
 *   const answer = await fetch("/api/ims-session");
 *   if (!answer.ok) throw Object.assign(new Error("no IMS session"), { status: answer.status });
 *   return (await answer.json()) as ImsSession;
 * };
 */
export type TokenSource = () => Promise<ImsSession>;
