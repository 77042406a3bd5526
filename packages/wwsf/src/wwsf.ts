import { signed, type SigningKey } from "./clientAuthentication.ts";
import { WwsfError } from "./errors.ts";
import {
  WafClient,
  type ExchangeRequest,
  type Grant,
  type IceServer,
  type Identity,
  type WafClientOptions,
} from "./wafClient.ts";
import { MemoryWebSessions, type WebSessionStore } from "./webSessions.ts";

/** Seconds a web session of the WAF lives at most (decisions of the WAF: a refresh token ends after 24 h). */
const sessionSeconds = 24 * 3600;

export interface WwsfOptions extends WafClientOptions {
  /** Space-separated scopes; absent: all that the operator grants to the site. */
  readonly scope?: string;
  /** Vouches for users of whom there is no ID token, where the operator has agreed to that (RFC 7523 §2.1). */
  readonly vouchingKey?: SigningKey;
  /** Absent: records stay in this process. */
  readonly sessions?: WebSessionStore;
}

/** Proof of who a user is. */
export type Proof =
  | {
      /** The ID token of the site's identity provider, or where to get one when it is needed. */
      readonly idToken: string | (() => Promise<string>);
    }
  | {
      /** The site's own name for her, always the same and never another's; it vouches for her with its `vouchingKey`. */
      readonly subject: string;
      /** Further claims, such as those that the rules for choosing a number look at. */
      readonly claims?: Readonly<Record<string, unknown>>;
    }
  | {
      /** A visitor whom the site does not know, where the operator has identities for such. */
      readonly anonymous: true;
    };

/** A user whom the site has signed in. */
export type SignedInUser = Proof & {
  /** The site's own id of her web session, opaque, 1 to 128 characters; never the value of a cookie. */
  readonly session: string;
  readonly displayName?: string;
  /** Asks for this identity of the block; absent: the operator chooses by the rules agreed on. */
  readonly impu?: string;
};

/** What a page needs to use IMS; the `ImsSession` of the browser SDK. */
export interface ImsSession {
  readonly impu: string;
  /** E.164 with `+`. */
  readonly tel?: string;
  readonly displayName?: string;
  readonly homeDomain: string;
  readonly wss: readonly string[];
  readonly accessToken: string;
  /** Seconds from now. */
  readonly expiresIn: number;
  readonly iceServers: readonly IceServer[];
  readonly services: readonly string[];
  readonly emergencyNumbers: readonly string[];
}

/**
 * Server side of a third party's site (WWSF, TS 24.371 §5.3): from a signed-in user to an IMS session for her page.
 *
 * @example
 * const wwsf = new Wwsf({
 *   issuer: "https://portal.op.example/waf",
 *   clientId: "talk.acme.example",
 *   authentication: { method: "private_key_jwt", key: await importPKCS8(pem, "ES256") },
 * });
 * const session = await wwsf.imsSession({ session: webSession.id, idToken: webSession.idToken, displayName: "Mary" });
 */
export class Wwsf {
  readonly #waf: WafClient;
  readonly #scope: string | undefined;
  readonly #vouching: { readonly issuer: string; readonly audience: string; readonly key: SigningKey | undefined };
  readonly #sessions: WebSessionStore;
  /** The last piece of work of each web session: refresh tokens rotate, so two tabs must not use one at once. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor({ scope, vouchingKey, sessions = new MemoryWebSessions(), ...waf }: WwsfOptions) {
    this.#waf = new WafClient(waf);
    this.#scope = scope;
    this.#vouching = { issuer: waf.clientId, audience: waf.issuer, key: vouchingKey };
    this.#sessions = sessions;
  }

  /**
   * A fresh IMS session for one page: exchange the first time, refresh after. Each page and tab asks for its own.
   * @throws WwsfError
   */
  async imsSession(user: SignedInUser): Promise<ImsSession> {
    const { accessToken, expiresIn, ims } = await this.#inTurn(user.session, () => this.#grant(user));
    const { impu, tel, homeDomain, wss, iceServers, services, emergencyNumbers } = ims;
    return {
      impu,
      ...(tel === undefined ? {} : { tel }),
      ...(user.displayName === undefined ? {} : { displayName: user.displayName }),
      homeDomain,
      wss,
      accessToken,
      expiresIn,
      iceServers,
      services,
      emergencyNumbers,
    };
  }

  /**
   * Ends a web session: nothing more is issued for it, and the operator ends its tokens, lease and registrations. An
   * operator who does not answer keeps nobody signed in: what could not be revoked ends with its time.
   */
  async end(session: string): Promise<void> {
    await this.#inTurn(session, async () => {
      const record = await this.#sessions.get(session);
      await this.#sessions.set(session, { ended: true }, sessionSeconds);
      if (record?.refreshToken !== undefined) await this.#waf.revoke(record.refreshToken).catch(() => undefined);
    });
  }

  /**
   * Ends a user's assignment and all her sessions: she has left the company, or lost the service.
   * @param subject `sub` of her ID tokens, or what the site vouches for
   * @throws WwsfError
   */
  async endUser(subject: string): Promise<void> {
    await this.#waf.endUser(subject);
  }

  /**
   * The identity a user holds, signed in or not; undefined while she has none. The operator alone keeps assignments, so
   * a site asks again rather than keeping a copy.
   * @param subject `sub` of her ID tokens, or what the site vouches for
   * @throws WwsfError
   */
  async identityOf(subject: string): Promise<Identity | undefined> {
    return await this.#waf.identityOf(subject);
  }

  /** True when the operator's portal answers. */
  async isReachable(): Promise<boolean> {
    return await this.#waf.isReachable();
  }

  async #grant(user: SignedInUser): Promise<Grant> {
    const { session, impu } = user;
    const record = await this.#sessions.get(session);
    if (record?.ended) throw new WwsfError("signed_out");
    if (record?.refreshToken !== undefined) {
      try {
        return await this.#keep(session, await this.#waf.refresh(record.refreshToken, session));
      } catch (error) {
        // A refresh token that has ended is no end of the web session: her ID token may still be good.
        if (!(error instanceof WwsfError) || error.code !== "signed_out") throw error;
        await this.#sessions.set(session, {}, sessionSeconds);
      }
    }
    const request = { webSession: session, scope: this.#scope };
    if ("anonymous" in user) return await this.#keep(session, await this.#waf.admit(request));
    return await this.#keep(session, await this.#waf.exchange({ ...(await this.#prove(user)), ...request, impu }));
  }

  async #prove(
    proof: Exclude<Proof, { anonymous: true }>,
  ): Promise<Pick<ExchangeRequest, "subjectToken" | "subjectTokenType">> {
    if ("idToken" in proof) {
      const { idToken } = proof;
      return { subjectToken: typeof idToken === "string" ? idToken : await idToken(), subjectTokenType: "id_token" };
    }
    const { issuer, audience, key } = this.#vouching;
    if (key === undefined) throw new TypeError("a user without an ID token needs the option vouchingKey");
    const subjectToken = await signed({ ...proof.claims }, { issuer, subject: proof.subject, audience }, key);
    return { subjectToken, subjectTokenType: "jwt" };
  }

  async #keep(session: string, grant: Grant): Promise<Grant> {
    await this.#sessions.set(session, { refreshToken: grant.refreshToken }, sessionSeconds);
    return grant;
  }

  async #inTurn<T>(session: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(session) ?? Promise.resolve();
    const turn = before.then(work, work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(session, settled);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(session) === settled) this.#turns.delete(session);
    }
  }
}
