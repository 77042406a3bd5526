import { createHash, randomBytes } from "node:crypto";
import type { Account } from "./idp/accounts.ts";

/** A signed-in browser. */
export interface WebSession {
  readonly account: Account;
  /** The identity provider's ID token: the subject token for the WAF, and the hint at sign-out. */
  readonly idToken: string;
  /** What the WAF knows this session by; never the cookie's value. */
  readonly handle: string;
  /** Monotonic milliseconds. */
  readonly endsAt: number;
}

/** Sessions kept at most; the oldest go first. */
const capacity = 10_000;

/** A working day: long enough to need one sign-in, shorter than the 24 h of a web session at the WAF. */
const lifeMs = 12 * 3_600_000;

/** The sessions of this process. The cookie carries 256 random bits; only their hash is kept. */
export class WebSessions {
  readonly #sessions = new Map<string, WebSession>();
  readonly #onEnded: (session: WebSession) => void;
  readonly #sweeper: NodeJS.Timeout;

  constructor(onEnded: (session: WebSession) => void) {
    this.#onEnded = onEnded;
    this.#sweeper = setInterval(() => this.#sweep(), 60_000).unref();
  }

  /** Life of a session's cookie in seconds. */
  static readonly maxAge: number = lifeMs / 1000;

  /** @returns the value for the cookie. */
  open(account: Account, idToken: string): string {
    const cookie = randomBytes(32).toString("base64url");
    const handle = randomBytes(24).toString("base64url");
    this.#sessions.set(hash(cookie), { account, idToken, handle, endsAt: performance.now() + lifeMs });
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > capacity && oldest !== undefined) this.#end(oldest);
    return cookie;
  }

  find(cookie: string | undefined): WebSession | undefined {
    if (cookie === undefined) return undefined;
    const key = hash(cookie);
    const session = this.#sessions.get(key);
    if (session === undefined || session.endsAt > performance.now()) return session;
    this.#end(key);
    return undefined;
  }

  end(cookie: string): void {
    this.#end(hash(cookie));
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#sessions.clear();
  }

  #sweep(): void {
    for (const [key, { endsAt }] of this.#sessions) if (endsAt <= performance.now()) this.#end(key);
  }

  #end(key: string): void {
    const session = this.#sessions.get(key);
    if (session === undefined) return;
    this.#sessions.delete(key);
    this.#onEnded(session);
  }
}

const hash = (cookie: string): string => createHash("sha256").update(cookie).digest("base64url");
