import type { Clock } from "@portico/sip";
import { WicError } from "./errors.ts";
import type { ImsSession, TokenSource } from "./imsSession.ts";

const answerWithinMs = 15_000;

/**
 * Keeps the current {@link ImsSession} in memory and gets new ones, one request at a time. Life is counted on the
 * monotonic clock from the moment of asking, so that a wrong or stepped user clock ends nothing.
 */
export class TokenKeeper {
  readonly #source: TokenSource;
  readonly #clock: Clock;
  #session: ImsSession | undefined;
  #askedAt = 0;
  #cleared = false;
  #pending: Promise<ImsSession> | undefined;

  constructor(source: TokenSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  get session(): ImsSession | undefined {
    return this.#session;
  }

  /** Milliseconds until the token ends; 0 without one. */
  get remainingMs(): number {
    if (this.#session === undefined) return 0;
    return Math.max(0, this.#askedAt + this.#session.expiresIn * 1000 - this.#clock.now());
  }

  /** The session, renewed first when less than half of its token's life is left. @throws WicError */
  async fresh(): Promise<ImsSession> {
    const session = this.#session;
    if (session !== undefined && this.remainingMs > session.expiresIn * 500) return session;
    return await this.renew();
  }

  /**
   * Fetches a new session.
   * @throws WicError `wic/signed-out` when the third party says so, else `wic/token-unavailable`
   */
  async renew(): Promise<ImsSession> {
    this.#pending ??= this.#fetch().finally(() => {
      this.#pending = undefined;
    });
    return await this.#pending;
  }

  /** Forgets the token, and whatever a request under way still brings. */
  clear(): void {
    this.#session = undefined;
    this.#cleared = true;
  }

  async #fetch(): Promise<ImsSession> {
    const askedAt = this.#clock.now();
    let cancelTimer: (() => void) | undefined;
    const late = new Promise<never>((_, reject) => {
      cancelTimer = this.#clock.setTimer(answerWithinMs, () => reject(new WicError("wic/token-unavailable")));
    });
    try {
      const session = await Promise.race([this.#source(), late]);
      if (!isUsable(session)) throw new WicError("wic/token-unavailable");
      if (this.#cleared) throw new WicError("wic/logged-out");
      this.#session = session;
      this.#askedAt = askedAt;
      return session;
    } catch (error) {
      throw asTokenError(error);
    } finally {
      cancelTimer?.();
    }
  }
}

/** The web site's answer is data from outside: what it lacks would break the first REGISTER, or its header fields. */
function isUsable(session: ImsSession): boolean {
  return (
    typeof session === "object" &&
    typeof session.impu === "string" &&
    typeof session.homeDomain === "string" &&
    Array.isArray(session.wss) &&
    session.expiresIn > 0 &&
    // RFC 6750 §2.1
    /^[\w\-.~+/]+=*$/.test(session.accessToken)
  );
}

function asTokenError(error: unknown): WicError {
  if (error instanceof WicError) return error;
  const status = typeof error === "object" && error !== null && "status" in error ? Number(error.status) : Number.NaN;
  const code = status === 401 || status === 403 ? "wic/signed-out" : "wic/token-unavailable";
  return new WicError(code, Number.isInteger(status) ? { cause: error, status } : { cause: error });
}
