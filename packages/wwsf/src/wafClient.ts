import { authenticatedClient, type AuthenticatedClient, type ClientAuthentication } from "./clientAuthentication.ts";
import { WwsfError, type WwsfErrorCode } from "./errors.ts";

/** Milliseconds that the WAF is given: for a token, for the end of one, for a number that a page waits for. */
const patience = { token: 10_000, revoke: 5000, identities: 2000, "identities/end": 5000 };
/** A lost or slow answer is told from a refusal by its status: those come again, these do not. */
const passing: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

/** Where and how the user may connect, as the WAF says beside the token. */
interface ImsAccess {
  readonly impu: string;
  readonly tel?: string;
  readonly homeDomain: string;
  readonly wss: readonly string[];
  readonly iceServers: readonly IceServer[];
  readonly services: readonly string[];
  readonly emergencyNumbers: readonly string[];
}

/** A STUN or TURN server with short-lived credentials, in the shape of RTCIceServer. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

/** A grant of the WAF. */
export interface Grant {
  readonly accessToken: string;
  /** Seconds. */
  readonly expiresIn: number;
  readonly refreshToken: string;
  readonly ims: ImsAccess;
}

/** The public identity that a user holds at the operator. */
export interface Identity {
  readonly impu: string;
  /** E.164 with `+`. */
  readonly tel?: string;
}

export interface WafClientOptions {
  /** The WAF's issuer URL (RFC 8414), as the operator gave it. */
  readonly issuer: string;
  /** Name under which the operator knows the site. */
  readonly clientId: string;
  readonly authentication: ClientAuthentication;
}

/** What a first grant is asked with. */
export interface ExchangeRequest {
  readonly subjectToken: string;
  readonly subjectTokenType: "id_token" | "jwt";
  readonly webSession: string;
  readonly scope?: string | undefined;
  readonly impu?: string | undefined;
}

/** The site's side of W4: an OAuth client of the WAF that exchanges tokens (RFC 8693). */
export class WafClient {
  readonly #issuer: string;
  readonly #client: AuthenticatedClient;

  constructor({ issuer, clientId, authentication }: WafClientOptions) {
    this.#issuer = issuer;
    this.#client = authenticatedClient(clientId, authentication, issuer);
  }

  /** True when the WAF answers at all. */
  async isReachable(): Promise<boolean> {
    const { origin, pathname } = new URL(this.#issuer);
    // RFC 8414 §3.1: the well-known part goes between host and path.
    const url = `${origin}/.well-known/oauth-authorization-server${pathname}`;
    try {
      return (await this.#client.fetch(url, { signal: AbortSignal.timeout(3000) })).ok;
    } catch {
      return false;
    }
  }

  /** First grant of a web session: proof of who the user is, for an access token. @throws WwsfError */
  async exchange({ subjectToken, subjectTokenType, webSession, scope, impu }: ExchangeRequest): Promise<Grant> {
    return readGrant(
      await this.#post("token", {
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token: subjectToken,
        subject_token_type: `urn:ietf:params:oauth:token-type:${subjectTokenType}`,
        requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
        web_session: webSession,
        ...(scope === undefined ? {} : { scope }),
        ...(impu === undefined ? {} : { impu }),
      }),
    );
  }

  /** First grant of a web session of which no user is known (RFC 6749 §4.4). @throws WwsfError */
  async admit({ webSession, scope }: Pick<ExchangeRequest, "webSession" | "scope">): Promise<Grant> {
    const form = { grant_type: "client_credentials", web_session: webSession };
    return readGrant(await this.#post("token", { ...form, ...(scope === undefined ? {} : { scope }) }));
  }

  /** A further grant of the same web session; the refresh token is replaced each time. @throws WwsfError */
  async refresh(refreshToken: string, webSession: string): Promise<Grant> {
    const form = { grant_type: "refresh_token", refresh_token: refreshToken, web_session: webSession };
    return readGrant(await this.#post("token", form));
  }

  /** RFC 7009: ends the web session's tokens and its lease; a sticky number stays hers. @throws WwsfError */
  async revoke(refreshToken: string): Promise<void> {
    await this.#post("revoke", { token: refreshToken, token_type_hint: "refresh_token" });
  }

  /** The identity that is assigned to a user; undefined while she has none. @throws WwsfError */
  async identityOf(subject: string): Promise<Identity | undefined> {
    const answer = await this.#post("identities", { subject }, [404]);
    if (typeof answer["impu"] !== "string") return undefined;
    return { impu: answer["impu"], ...(typeof answer["tel"] === "string" ? { tel: answer["tel"] } : {}) };
  }

  /** Ends the assignment of a user and all her sessions: she has left or lost the service. @throws WwsfError */
  async endUser(subject: string): Promise<void> {
    await this.#post("identities/end", { subject }, [404]);
  }

  async #post(
    path: keyof typeof patience,
    form: Record<string, string>,
    tolerated: readonly number[] = [],
  ): Promise<Record<string, unknown>> {
    const body = new URLSearchParams({ ...form, ...(await this.#client.parameters()) });
    let response: Response;
    try {
      response = await this.#client.fetch(`${this.#issuer}/${path}`, {
        method: "POST",
        body,
        redirect: "error",
        signal: AbortSignal.timeout(patience[path]),
      });
    } catch (cause) {
      throw new WwsfError("portal_unreachable", { cause });
    }
    const answer = await readJson(response);
    if (response.ok) return answer;
    if (tolerated.includes(response.status)) return {};
    throw refusal(response, answer);
  }
}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  try {
    const answer: unknown = await response.json();
    return typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function readGrant(answer: Record<string, unknown>): Grant {
  const { access_token, expires_in, refresh_token, ims } = answer;
  if (typeof access_token !== "string" || typeof expires_in !== "number" || typeof refresh_token !== "string")
    throw new WwsfError("portal_refused", { cause: new Error("the token response is incomplete") });
  if (typeof ims !== "object" || ims === null)
    throw new WwsfError("portal_refused", { cause: new Error("the token response has no ims member") });
  return { accessToken: access_token, expiresIn: expires_in, refreshToken: refresh_token, ims: ims as ImsAccess };
}

function refusal({ status, headers }: Response, answer: Record<string, unknown>): WwsfError {
  const cause = new Error(`WAF: ${status} ${String(answer["error"])}: ${String(answer["error_description"])}`);
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  return new WwsfError(codeOf(status, answer), { cause, ...(seconds > 0 ? { retryAfter: seconds } : {}) });
}

/** The WAF's own stable `reason` says more than the OAuth error code. */
function codeOf(status: number, { reason, error }: Record<string, unknown>): WwsfErrorCode {
  if (reason === "block_exhausted" || reason === "identity_refused") return reason;
  if (error === "access_denied" || error === "unauthorized_client") return "telephony_suspended";
  if (error === "invalid_grant" || reason === "subject_token_expired") return "signed_out";
  if (status === 429) return "portal_busy";
  return passing.has(status) ? "portal_unreachable" : "portal_refused";
}
