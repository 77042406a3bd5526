import type { DialPlan } from "./policy/dialPlan.ts";
import type { Restrictions } from "./policy/restrictions.ts";
import type { SessionEnd, SessionView } from "./session/view.ts";

/** What a verified access token says (RFC 9068; names of the claims as the WAF writes them). */
export interface AccessClaims {
  /** The token itself, by which a request that shows it again is known; absent: each is to be verified. */
  readonly token?: string;
  readonly issuer: string;
  /** Pseudonym of the user. */
  readonly subject: string;
  /** The WWSF through which the token was issued. */
  readonly clientId: string;
  readonly tenant: string;
  /** Web session at the WWSF; revocation names it. */
  readonly sessionId: string;
  readonly tokenId: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
  readonly scope: readonly string[];
  readonly impu: string;
  /** Web origins the bearer may come from. */
  readonly origins: readonly string[];
  readonly restrictions?: Restrictions | undefined;
  /** True for what no token says: a user with credentials of her own, whom the core has authenticated. */
  readonly own?: boolean;
}

/** What a tenant's contract says about what its users do. */
export interface TenantPolicy {
  readonly dialPlan: DialPlan;
  /** Calls of all its users at once; absent: no limit. */
  readonly maxCalls?: number | undefined;
  /** Registrations of all its users at once; absent: no limit. */
  readonly maxRegistrations?: number | undefined;
}

/** What a tenant may have only so many of at once. */
export type SharedThing = "registrations" | "calls";

/** Limits of tenants that hold over several nodes together. */
export interface SharedLimits {
  /**
   * @param own what this node would have of it, with the new one
   * @param limit what all nodes may have
   * @returns false when together they would have more
   */
  admit(what: SharedThing, tenant: string, own: number, limit: number): Promise<boolean>;
}

/** Verifies access tokens. Throws {@link TokenError}. */
export interface TokenVerifier {
  verify(token: string): Promise<AccessClaims>;
}

/** The implicit registration set of a wildcarded block: one subscription for all of its users (ADM-04). */
export interface SharedSet {
  /** The distinct identity that is registered. */
  readonly impu: string;
  readonly impi: string;
}

/** One subscription of a tenant's block, as the operator's own table has it. */
export interface BlockEntry {
  readonly tenant: string;
  /** WWSFs of the tenant. */
  readonly clientIds: readonly string[];
  readonly impu: string;
  readonly impi: string;
  /** E.164 number with `+`. */
  readonly tel?: string | undefined;
  /** Where a wildcard stands for the IMPU: its set, whose IMPI is the entry's too. */
  readonly shared?: SharedSet | undefined;
}

/** The operator's table of blocks (EPC-REG-06: the check next to that of the HSS). */
export interface BlockTable {
  /** The entry that holds the IMPU, unless its tenant is suspended. */
  find(impu: string): Promise<BlockEntry | undefined>;
}

/** What a revocation covers: every field given must match. */
export interface Revocation {
  readonly sessionId?: string;
  readonly impu?: string;
  readonly tenant?: string;
  readonly reason: string;
}

/** Revocations as the WAF publishes them. */
export interface Revocations {
  isRevoked(claims: AccessClaims): boolean;
  /** @returns a function that ends the subscription. */
  onRevoked(listener: (revocation: Revocation) => void): () => void;
}

/** A fact about a registration, told to the WAF, which alone decides on leases. */
export interface RegistrationFact {
  readonly impu: string;
  readonly sessionId: string;
  readonly state: "registered" | "deregistered";
  readonly reason: string;
  /** True when the core holds no binding of this lease any more: it confirmed with a 200, or the granted time is over. */
  readonly confirmed: boolean;
  /** Of `registered`: the end of the granted time, milliseconds since the epoch, where that is after the token's. */
  readonly expiresAt?: number;
}

/**
 * A fact about a call for usage records (CHG-02). `answered` comes before the caller hears of the answer, and the answer
 * waits for it to be written; `ended` comes once for every call, answered or not.
 */
export type SessionFact =
  | { readonly type: "answered"; readonly session: SessionView; readonly impi: string }
  | { readonly type: "ended"; readonly session: SessionView; readonly impi: string; readonly end: SessionEnd };

/** A MESSAGE that went through this node, for usage records (CHG-02): of what it says nothing. */
export interface MessageFact {
  readonly id: string;
  readonly tenant: string;
  readonly clientId: string;
  readonly impu: string;
  readonly impi: string;
  /** Seen from the browser, as in {@link SessionView}. */
  readonly direction: SessionView["direction"];
  readonly remote: string;
  readonly icid: string;
  /** When it came, milliseconds since the epoch. */
  readonly at: number;
  /** Final status. */
  readonly status: number;
}

/** A SUBSCRIBE that went through this node, for usage records (CHG-02). */
export interface SubscriptionFact extends MessageFact {
  /** Event package. */
  readonly event: string;
  /** Seconds granted, or asked where the answer says none; 0: it ends. */
  readonly expires?: number | undefined;
}

/**
 * A registration, for usage records (CHG-02): told when the core has granted it first, and when it is over. What a refresh
 * changes is counted, and told at the end.
 */
export interface RegistrationUse {
  /** The same both times. */
  readonly id: string;
  readonly tenant: string;
  readonly clientId: string;
  readonly impu: string;
  readonly impi: string;
  /** Of its first REGISTER; absent at the end, and for a user of a wildcarded block, for whom none goes to the core. */
  readonly icid?: string;
  /** When it was granted first and last, milliseconds since the epoch. */
  readonly beganAt: number;
  readonly renewedAt: number;
  /** REGISTERs that were granted. */
  readonly registers: number;
  /** Absent while it lives. */
  readonly end?: { readonly at: number; readonly reason: string };
}

/** Structured log; implementations must not receive tokens, bodies or personal data. */
export interface Log {
  info(event: string, facts?: Readonly<Record<string, string | number | boolean>>): void;
  warn(event: string, facts?: Readonly<Record<string, string | number | boolean>>): void;
  /** Something an operator must act on. */
  alarm(event: string, facts?: Readonly<Record<string, string | number | boolean>>): void;
}
