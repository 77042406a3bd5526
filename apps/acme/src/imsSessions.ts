import { AcmeError } from "./errors.ts";
import type { ImsGrant, WafClient } from "./wafClient.ts";
import type { WebSession } from "./webSessions.ts";

/** What `GET /api/ims-session` answers; the SDK's `ImsSession`. */
export interface ImsSessionAnswer {
  readonly impu: string;
  readonly tel?: string;
  readonly displayName: string;
  readonly homeDomain: string;
  readonly wss: readonly string[];
  readonly accessToken: string;
  /** Seconds. */
  readonly expiresIn: number;
  readonly iceServers: readonly unknown[];
  readonly services: readonly string[];
  readonly emergencyNumbers: readonly string[];
}

/** Gets tokens for web sessions: exchange the first time, refresh after, one at a time per session. */
export class ImsSessions {
  readonly #waf: WafClient;
  /** The last piece of work of each session: refresh tokens rotate, so two tabs must not use one at once. */
  readonly #turns = new WeakMap<WebSession, Promise<unknown>>();

  constructor(waf: WafClient) {
    this.#waf = waf;
  }

  /** A fresh token for one page of this web session. @throws AcmeError */
  async issue(session: WebSession): Promise<ImsSessionAnswer> {
    const grant = await this.#inTurn(session, () => this.#grant(session));
    const { impu, tel, homeDomain, wss, iceServers, services, emergencyNumbers } = grant.ims;
    return {
      impu,
      ...(tel === undefined ? {} : { tel }),
      displayName: session.account.name,
      homeDomain,
      wss,
      accessToken: grant.accessToken,
      expiresIn: grant.expiresIn,
      iceServers,
      services,
      emergencyNumbers,
    };
  }

  /** Ends the tokens and the lease of a web session. A portal that does not answer cannot keep anybody signed in. */
  async end(session: WebSession): Promise<void> {
    await this.#inTurn(session, async () => {
      const { refreshToken } = session;
      if (refreshToken === undefined) return;
      delete session.refreshToken;
      await this.#waf.revoke(refreshToken).catch(() => undefined);
    });
  }

  async #grant(session: WebSession): Promise<ImsGrant> {
    if (session.ended) throw new AcmeError("signed_out");
    const { refreshToken } = session;
    if (refreshToken !== undefined) {
      try {
        return keep(session, await this.#waf.refresh(refreshToken, session.handle));
      } catch (error) {
        if (!(error instanceof AcmeError) || error.code !== "signed_out") throw error;
        delete session.refreshToken;
      }
    }
    return keep(session, await this.#waf.exchange(session.idToken, session.handle));
  }

  async #inTurn<T>(session: WebSession, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(session) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#turns.set(
      session,
      turn.catch(() => undefined),
    );
    return turn;
  }
}

function keep(session: WebSession, grant: ImsGrant): ImsGrant {
  session.refreshToken = grant.refreshToken;
  return grant;
}
