/** What is kept for one web session of the site. */
export interface WebSessionRecord {
  /** The WAF's refresh token, once there was a first exchange. */
  readonly refreshToken?: string;
  /** The web session is over: nothing is issued for it any more. */
  readonly ended?: true;
}

/**
 * Keeps records of web sessions by the site's own ids. A site of several processes brings one on its own database;
 * refresh tokens are secrets, so it keeps them as it keeps passwords of services.
 */
export interface WebSessionStore {
  get(session: string): Promise<WebSessionRecord | undefined>;
  /** @param seconds after which the record may be forgotten */
  set(session: string, record: WebSessionRecord, seconds: number): Promise<void>;
}

/** Records kept at most; the oldest go first. */
const capacity = 100_000;

/** Keeps records in this process. */
export class MemoryWebSessions implements WebSessionStore {
  readonly #records = new Map<string, { readonly record: WebSessionRecord; readonly until: number }>();

  async get(session: string): Promise<WebSessionRecord | undefined> {
    const kept = this.#records.get(session);
    return kept !== undefined && kept.until > performance.now() ? kept.record : undefined;
  }

  async set(session: string, record: WebSessionRecord, seconds: number): Promise<void> {
    // Set again, it comes last in the order of insertion, which is the order of forgetting.
    this.#records.delete(session);
    this.#records.set(session, { record, until: performance.now() + seconds * 1000 });
    const [oldest] = this.#records.keys();
    if (this.#records.size > capacity && oldest !== undefined) this.#records.delete(oldest);
  }
}
