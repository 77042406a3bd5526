import { randomUUID } from "node:crypto";
import { SignJWT, type CryptoKey, type KeyObject } from "jose";
import { AcmeError, type AcmeErrorCode } from "./errors.ts";

/** Milliseconds that the portal is given for a token, and for a number in the directory, which a page waits for. */
const patience = { token: 10_000, revoke: 5000, identities: 2000 };

/** Where and how the user may connect, as the WAF says beside the token. */
interface ImsAccess {
  readonly impu: string;
  readonly tel?: string;
  readonly homeDomain: string;
  readonly wss: readonly string[];
  readonly iceServers: readonly unknown[];
  readonly services: readonly string[];
  readonly emergencyNumbers: readonly string[];
}

/** A grant of the WAF. */
export interface ImsGrant {
  readonly accessToken: string;
  /** Seconds. */
  readonly expiresIn: number;
  readonly refreshToken: string;
  readonly ims: ImsAccess;
}

/** The public identity that a user holds at the operator. */
export interface Identity {
  readonly impu: string;
  readonly tel?: string;
}

export interface WafClientOptions {
  readonly issuer: string;
  readonly clientId: string;
  readonly key: CryptoKey | KeyObject;
}

/** Acme's side of W4: tokens for its signed-in users, by private_key_jwt (RFC 7523) and token exchange (RFC 8693). */
export class WafClient {
  readonly #options: WafClientOptions;

  constructor(options: WafClientOptions) {
    this.#options = options;
  }

  /** True when the portal answers at all. */
  async isReachable(): Promise<boolean> {
    const { origin, pathname } = new URL(this.#options.issuer);
    // RFC 8414 §3.1: the well-known part goes between host and path.
    const url = `${origin}/.well-known/oauth-authorization-server${pathname}`;
    try {
      return (await fetch(url, { signal: AbortSignal.timeout(3000) })).ok;
    } catch {
      return false;
    }
  }

  /** First grant of a web session: her ID token for an access token. @throws AcmeError */
  async exchange(idToken: string, webSession: string): Promise<ImsGrant> {
    return readGrant(
      await this.#post("token", {
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token: idToken,
        subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
        requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
        scope: "ims.register ims.voice",
        web_session: webSession,
      }),
    );
  }

  /** A further grant of the same web session; the refresh token is replaced each time. @throws AcmeError */
  async refresh(refreshToken: string, webSession: string): Promise<ImsGrant> {
    const form = { grant_type: "refresh_token", refresh_token: refreshToken, web_session: webSession };
    return readGrant(await this.#post("token", form));
  }

  /** RFC 7009: ends the web session's tokens and its lease; her number stays hers. @throws AcmeError */
  async revoke(refreshToken: string): Promise<void> {
    await this.#post("revoke", { token: refreshToken, token_type_hint: "refresh_token" });
  }

  /** The identity that is assigned to a user; undefined while she has none. @throws AcmeError */
  async identityOf(subject: string): Promise<Identity | undefined> {
    const answer = await this.#post("identities", { subject }, [404]);
    if (typeof answer["impu"] !== "string") return undefined;
    return { impu: answer["impu"], ...(typeof answer["tel"] === "string" ? { tel: answer["tel"] } : {}) };
  }

  async #post(
    path: keyof typeof patience,
    form: Record<string, string>,
    tolerated: readonly number[] = [],
  ): Promise<Record<string, unknown>> {
    const body = new URLSearchParams({
      ...form,
      client_id: this.#options.clientId,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await this.#assertion(),
    });
    let response: Response;
    try {
      response = await fetch(`${this.#options.issuer}/${path}`, {
        method: "POST",
        body,
        redirect: "error",
        signal: AbortSignal.timeout(patience[path]),
      });
    } catch (cause) {
      throw new AcmeError("portal_unreachable", { cause });
    }
    const answer = await readJson(response);
    if (response.ok) return answer;
    if (tolerated.includes(response.status)) return {};
    throw refusal(response.status, answer);
  }

  /** RFC 7523 §3: names us twice, the WAF as audience, and serves once within two minutes. */
  async #assertion(): Promise<string> {
    const { clientId, issuer, key } = this.#options;
    return new SignJWT()
      .setProtectedHeader({ alg: "ES256" })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(issuer)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime("2m")
      .sign(key);
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

function readGrant(answer: Record<string, unknown>): ImsGrant {
  const { access_token, expires_in, refresh_token, ims } = answer;
  if (typeof access_token !== "string" || typeof expires_in !== "number" || typeof refresh_token !== "string")
    throw new AcmeError("portal_refused", { cause: new Error("the token response is incomplete") });
  if (typeof ims !== "object" || ims === null)
    throw new AcmeError("portal_refused", { cause: new Error("the token response has no ims member") });
  return { accessToken: access_token, expiresIn: expires_in, refreshToken: refresh_token, ims: ims as ImsAccess };
}

function refusal(status: number, answer: Record<string, unknown>): AcmeError {
  const cause = new Error(`WAF: ${status} ${String(answer["error"])} ${String(answer["error_description"])}`);
  return new AcmeError(codeOf(status, answer), { cause });
}

/** The WAF's own stable `reason` says more than the OAuth error code. */
function codeOf(status: number, { reason, error }: Record<string, unknown>): AcmeErrorCode {
  if (reason === "block_exhausted" || reason === "identity_refused") return reason;
  if (error === "access_denied" || error === "unauthorized_client") return "telephony_suspended";
  if (error === "invalid_grant" || reason === "subject_token_expired") return "signed_out";
  return status >= 500 || status === 429 ? "portal_unreachable" : "portal_refused";
}
