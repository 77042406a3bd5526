import {
  type Assignment,
  type AuditEvent,
  type Lease,
  personOf,
  type Store,
  type StoredEntry,
  type Tables,
  type UserKey,
} from "@portico/store";
import type { BlockDocument } from "./block/definition.ts";
import { Emitter } from "./emitter.ts";
import { WafError } from "./errors.ts";
import { type LeaseTimes, withAssignment } from "./lease.ts";
import type { Now, Random } from "./ports.ts";
import { digest } from "./secrets.ts";
import { choose, refused, type Choice } from "./tenant/rules.ts";
import type { Directory, KnownClient } from "./tenant/directory.ts";
import { anonymousOf, anonymousTokenSeconds, isAnonymous } from "./token/anonymous.ts";
import {
  describeRefreshToken,
  type Grant,
  isLostAnswer,
  issueUnder,
  maxRefreshTokens,
  ownedToken,
} from "./token/grant.ts";
import type { Introspection } from "./token/introspection.ts";
import type { RestrictionsClaim } from "./token/restrictions.ts";
import { sessionSeconds, skewSeconds } from "./times.ts";

/** What a revocation covers: every field given must match. */
export interface Revocation {
  /** `sid` of access tokens: one web session. */
  readonly sessionId?: string;
  readonly impu?: string;
  readonly tenant?: string;
  readonly reason: string;
}

/** A fact about a registration, as the eP-CSCF tells it. */
export interface RegistrationFact {
  readonly impu: string;
  /** `sid` of the access token it was made with. */
  readonly sessionId: string;
  readonly state: "registered" | "deregistered";
  /** True when the core confirmed with a 200, or the granted time is over. */
  readonly confirmed: boolean;
  /** End of the granted time, milliseconds since the epoch; absent: that of the access token, which bounds it. */
  readonly expiresAt?: number;
}

/** What a web session asks for. */
export interface Wish {
  /** The WWSF's own id of the web session. */
  readonly webSession: string;
  /** Space-separated. */
  readonly scope: string;
  /** What the token is restricted to. */
  readonly restrictions: RestrictionsClaim | undefined;
  /** Claims of the user's token, for the rules of the tenant. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** Thumbprint of the key the refresh token is to be bound to. */
  readonly proofKey: string | undefined;
  /** Asks for this very identity. */
  readonly impu: string | undefined;
  /** Where the request came from, for the audit. */
  readonly address: string;
}

/** What a transaction has ended; told to others once it is on disk. */
export interface Ended {
  readonly leases: Lease[];
  readonly revocations: Revocation[];
  /** For the audit, as the transaction's last step: its chain lets others wait for no more than that. */
  readonly records: AuditEvent[];
}

/**
 * The only writer of assignments and leases (WWSF-04). What a public method writes is one transaction, and its events
 * leave after it is on disk.
 *
 *     assignment:  free --first exchange--> held --ended, or dynamic and last lease ended--> quarantine --> free
 *     lease:       exchange --> live --logout, reuse, revocation, suspension, expiry--> ended
 */
export class Leasing {
  readonly #store: Store;
  readonly #tenants: Directory;
  readonly #accessTokenSeconds: number;
  readonly #now: Now;
  readonly #random: Random;
  readonly revocations: Emitter<Revocation> = new Emitter();
  /** Ended leases whose access tokens have not expired: lease id -> end of the token. */
  readonly #revoked = new Map<string, number>();

  private constructor(o: LeasingOptions) {
    this.#store = o.store;
    this.#tenants = o.tenants;
    this.#accessTokenSeconds = o.accessTokenSeconds;
    this.#now = o.now;
    this.#random = o.random;
  }

  static async open(o: LeasingOptions): Promise<Leasing> {
    const leasing = new Leasing(o);
    for (const lease of await o.store.leases.endedWithLiveToken(o.now() - skewSeconds * 1000)) {
      leasing.#revoked.set(lease.id, lease.tokenUntil);
    }
    return leasing;
  }

  /** True when the lease behind an access token has ended. */
  isRevoked(sessionId: string): boolean {
    return this.#revoked.has(sessionId);
  }

  /**
   * Gives the user her identity, or a free one, and the web session a lease on it.
   * @throws WafError `identity_refused`, `block_exhausted`
   */
  async begin(user: UserKey, client: KnownClient, wish: Wish): Promise<Grant> {
    const now = this.#now();
    await this.#endExpired(now);
    return await this.#fresh(async (tables, ended) => {
      const current = this.#current(client, now);
      const held = await this.#assign(tables, user, current, wish, now, ended);
      const until = now + sessionSeconds * 1000;
      const times = this.#timesOf(held.entry, until, now);
      const lease = await this.#lease(tables, held, current, digest(wish.webSession), times, now, ended);
      const { scope, address, restrictions, proofKey } = wish;
      const { entry, assignment } = held;
      const issue = { entry, assignment, scope, restrictions, proofKey, parent: undefined, address, until };
      return await issueUnder(tables, this.#random, lease, times, issue, now);
    });
  }

  /**
   * Assigns an identity before the user ever comes, or confirms the one she holds.
   * @param o.impu this one; absent: as the rules of the tenant choose
   * @throws WafError `identity_refused`, `block_exhausted`
   */
  async assign(
    user: UserKey,
    client: KnownClient,
    o: { readonly impu: string | undefined; readonly claims: Wish["claims"] },
  ): Promise<StoredEntry> {
    const now = this.#now();
    await this.#endExpired(now);
    return await this.#fresh(async (tables, ended) => {
      const wish = { ...o, explicit: true };
      const { entry } = await this.#assign(tables, user, this.#current(client, now), wish, now, ended);
      if (this.#isDynamic(entry)) {
        throw new WafError("identity_refused", "a dynamic identity is held by a session only");
      }
      return entry;
    });
  }

  /**
   * Uses up a refresh token and grants anew under its lease. A token used before ends the session: one of its two
   * holders is a thief (RFC 9700 §4.14.2).
   *
   * @throws WafError `refresh_token_refused`
   */
  async renew(
    clientId: string,
    refreshToken: string,
    { webSession, address, proofKey }: RenewalContext,
  ): Promise<Grant> {
    const now = this.#now();
    const grant = await this.#fresh(async (tables, ended) => {
      const known = await ownedToken(tables, clientId, refreshToken);
      if (known === undefined || known.token.expiresAt <= now || known.lease.expiresAt <= now) return undefined;
      const { token, lease, assignment } = known;
      this.#refuseSuspended(lease.tenant, now);
      if (webSession !== undefined && digest(webSession) !== lease.webSession) return undefined;
      if (token.proofKey !== undefined && token.proofKey !== proofKey) return undefined;
      if (token.rotatedAt !== undefined && !(await isLostAnswer(tables, token, now))) {
        await this.#endLease(tables, lease, "refresh_token_reused", now, ended);
        return undefined;
      }
      if (lease.endedAt !== undefined || assignment.endedAt !== undefined) return undefined;
      if (isAnonymous(assignment) && this.#tenants.get(lease.tenant)?.anonymous === undefined) return undefined;
      const entry = await tables.blocks.find(lease.impu);
      if (entry === undefined) return undefined;
      if (token.rotatedAt === undefined) await tables.refreshTokens.rotate(token.hash, now);
      else await tables.refreshTokens.supersede(token.hash, now);
      const { scope, expiresAt: until, hash: parent } = token;
      const restrictions =
        token.restrictions === undefined ? undefined : (JSON.parse(token.restrictions) as RestrictionsClaim);
      const times = this.#timesOf(entry, until, now);
      await tables.leases.extend(lease.id, Math.max(lease.expiresAt, times.expiresAt), times.tokenUntil);
      await tables.refreshTokens.trim(lease.id, maxRefreshTokens - 1);
      const issue = { entry, assignment, scope, restrictions, proofKey: token.proofKey, parent, address, until };
      return await issueUnder(tables, this.#random, lease, times, issue, now);
    });
    // Thrown after the transaction, so that the end of a session whose token was reused is kept.
    if (grant === undefined) throw new WafError("refresh_token_refused");
    return grant;
  }

  /** What introspection says of a refresh token. */
  async describe(tenant: string, refreshToken: string): Promise<Introspection> {
    const now = this.#now();
    const isActive = this.#tenants.active(tenant, now) !== undefined;
    return await describeRefreshToken(this.#store, tenant, refreshToken, { now, isActive });
  }

  /** Ends the web session of a refresh token, rotated or not. An unknown token is none of ours, or long gone. */
  async endByRefreshToken(clientId: string, refreshToken: string, reason: string): Promise<void> {
    const now = this.#now();
    await this.write(async (tables, ended) => {
      const known = await ownedToken(tables, clientId, refreshToken);
      if (known !== undefined) await this.#endLease(tables, known.lease, reason, now, ended);
    });
  }

  /** Ends one web session of a client. */
  async endSession(clientId: string, sessionId: string, reason: string): Promise<void> {
    const now = this.#now();
    await this.write(async (tables, ended) => {
      const lease = await tables.leases.get(sessionId);
      if (lease?.clientId === clientId) await this.#endLease(tables, lease, reason, now, ended);
    });
  }

  /**
   * Ends every lease of a tenant.
   * @param o.isNews tells of it though there is none: others may serve the tenant's users without one
   */
  async endTenant(tenant: string, reason: string, { isNews }: { readonly isNews: boolean }): Promise<void> {
    if ((await this.#store.leases.live({ tenant })).length > 0) {
      await this.write((tables, ended) => this.endAll(tables, ended, tenant, reason));
    } else if (isNews) this.revocations.emit({ tenant, reason });
  }

  /** Ends every lease of a tenant, or those chosen, in the transaction of whoever decided it. */
  async endAll(
    tables: Tables,
    ended: Ended,
    tenant: string,
    reason: string,
    which?: (lease: Lease) => boolean,
  ): Promise<void> {
    const leases = await tables.leases.live({ tenant });
    const chosen = which === undefined ? leases : leases.filter((lease) => which(lease));
    const told = ended.revocations.length;
    for (const lease of chosen) await this.#endLease(tables, lease, reason, this.#now(), ended);
    // One revocation of the whole says it all.
    if (which === undefined) ended.revocations.splice(told, chosen.length, { tenant, reason });
  }

  /**
   * Ends the assignment of an identity and all leases on it.
   * @param tenant ends it only there
   * @returns false when nobody held it
   */
  async endAssignment(
    impu: string,
    reason: string,
    o: { readonly by: string; readonly tenant?: string },
  ): Promise<boolean> {
    return await this.write(async (tables, ended) => {
      if (o.tenant !== undefined && (await tables.assignments.holding(impu))?.tenant !== o.tenant) return false;
      return await this.release(tables, ended, impu, reason, o.by);
    });
  }

  /** {@link Leasing.endAssignment} in the transaction of whoever decided it. */
  async release(tables: Tables, ended: Ended, impu: string, reason: string, by = "waf"): Promise<boolean> {
    const now = this.#now();
    const assignment = await tables.assignments.holding(impu);
    if (assignment === undefined) return false;
    const leases = await tables.leases.live({ assignmentId: assignment.id });
    const told = ended.revocations.length;
    for (const lease of leases) await this.#endLease(tables, lease, reason, now, ended);
    await this.#endAssignment(tables, ended, assignment, reason, now, by);
    // One revocation of the whole says it all.
    ended.revocations.splice(told, leases.length, { impu, tenant: assignment.tenant, reason });
    return true;
  }

  /** Takes note of leases that other processes have ended. */
  async notice(): Promise<void> {
    const now = this.#now();
    for (const lease of await this.#store.leases.endedWithLiveToken(now - skewSeconds * 1000)) {
      if (this.#revoked.has(lease.id)) continue;
      this.#revoked.set(lease.id, lease.tokenUntil);
      const { id: sessionId, impu, tenant } = lease;
      this.revocations.emit({ sessionId, impu, tenant, reason: "ended" });
    }
  }

  /** Notes until when a registration under the lease may live. */
  async noteRegistration(fact: RegistrationFact): Promise<void> {
    await this.#store.transaction(async ({ leases }) => {
      const lease = await leases.get(fact.sessionId);
      if (lease === undefined || lease.impu !== fact.impu) return;
      if (fact.state === "registered") await leases.register(lease.id, fact.expiresAt ?? lease.tokenUntil);
      else if (fact.confirmed) await leases.register(lease.id, null);
    });
  }

  /** Ends what has expired and forgets what no longer matters: access tokens after `auditSeconds`. */
  async sweep(auditSeconds: number): Promise<void> {
    const now = this.#now();
    await this.#endExpired(now);
    await this.write(async (tables) => {
      await tables.refreshTokens.purge(now);
      await tables.assertions.purge(now);
      await tables.issuedTokens.purge(now - auditSeconds * 1000);
      await tables.leases.purge(now - auditSeconds * 1000 - sessionSeconds * 1000);
    });
    for (const [id, until] of this.#revoked) {
      if (until + skewSeconds * 1000 <= now) this.#revoked.delete(id);
    }
  }

  /** One transaction; what it ended is told to others once it is on disk. */
  async write<T>(work: (tables: Tables, ended: Ended) => Promise<T>): Promise<T> {
    // Made inside: a store may have to run the work again.
    const { result, ended } = await this.#store.transaction(async (tables) => {
      const lists: Ended = { leases: [], revocations: [], records: [] };
      const done = await work(tables, lists);
      for (const record of lists.records) await tables.audit.append(record);
      return { result: done, ended: lists };
    });
    for (const lease of ended.leases) this.#revoked.set(lease.id, lease.tokenUntil);
    for (const revocation of ended.revocations) this.revocations.emit(revocation);
    return result;
  }

  /** A transaction whose view of the tenants is that of the store: another process may have suspended one just now. */
  async #fresh<T>(work: (tables: Tables, ended: Ended) => Promise<T>): Promise<T> {
    for (;;) {
      const done = await this.write(async (tables, ended) =>
        (await this.#tenants.isCurrent(tables)) ? { result: await work(tables, ended) } : undefined,
      );
      if (done !== undefined) return done.result;
      await this.#tenants.refresh();
    }
  }

  /** The client as it is now. @throws WafError `tenant_suspended`, `client_disabled` */
  #current({ document: { clientId } }: KnownClient, now: number): KnownClient {
    const client = this.#tenants.client(clientId);
    if (client === undefined || client.document.state === "disabled") throw new WafError("client_disabled");
    this.#refuseSuspended(client.tenant.id, now);
    return client;
  }

  /** Inside the transaction: one that follows a suspension must not begin what the suspension has just ended. */
  #refuseSuspended(tenant: string, now: number): void {
    if (this.#tenants.active(tenant, now) === undefined) throw new WafError("tenant_suspended");
  }

  async #assign(
    tables: Tables,
    user: UserKey,
    { tenant, document: { clientId } }: KnownClient,
    wish: Pick<Wish, "impu" | "claims"> & { readonly explicit?: boolean },
    now: number,
    ended: Ended,
  ): Promise<Held> {
    const { impu } = wish;
    // WAF-08: whether the identity is foreign, unknown or a colleague's, the answer is the same.
    const asked = impu === undefined ? undefined : await tables.blocks.find(impu);
    if (impu !== undefined && (asked?.tenant !== tenant.id || asked.block === tenant.anonymous?.block)) {
      throw new WafError("identity_refused");
    }
    const guests = isAnonymous(user) ? { block: anonymousOf(tenant).block } : undefined;
    const held = await tables.assignments.of(user);
    const entry = held && (await tables.blocks.find(held.impu));
    if (held !== undefined && entry !== undefined) {
      if (impu !== undefined && impu !== held.impu) throw new WafError("identity_refused");
      return { assignment: held, entry, since: "before" };
    }
    // The operator took the entry out of the block while the user held it.
    if (held !== undefined) await this.#endAssignment(tables, ended, held, "entry_withdrawn", now);
    const choice: Choice =
      guests ?? (impu === undefined ? await choose(tables, tenant, wish.claims, wish.explicit === true) : { impu });
    const free = await tables.blocks.free(tenant.id, now, choice);
    if (free === undefined) throw choice.impu === undefined ? new WafError("block_exhausted") : refused(choice.claim);
    const assignment = {
      ...user,
      id: this.#random.token(22),
      impu: free.impu,
      pseudonym: `p-${this.#random.token(12)}`,
    };
    await tables.assignments.begin({ ...assignment, startedAt: now });
    ended.records.push({
      tenant: tenant.id,
      at: now,
      actor: clientId,
      action: "assignment.begin",
      subject: free.impu,
      person: personOf(user),
      detail: { assignment: assignment.id },
    });
    return {
      assignment: { ...assignment, startedAt: now, endedAt: undefined, endReason: undefined },
      entry: free,
      since: "now",
    };
  }

  /** The live lease of the web session, made or made longer; a lease of another user on the same web session ends. */
  async #lease(
    tables: Tables,
    { assignment, since }: Held,
    { tenant, document: { clientId } }: KnownClient,
    webSession: string,
    times: LeaseTimes,
    now: number,
    ended: Ended,
  ): Promise<Lease> {
    const former = await tables.leases.ofWebSession(clientId, webSession);
    if (former?.assignmentId === assignment.id) {
      await tables.leases.extend(former.id, Math.max(former.expiresAt, times.expiresAt), times.tokenUntil);
      await tables.refreshTokens.trim(former.id, maxRefreshTokens - 1);
      return former;
    }
    if (former !== undefined) await this.#endLease(tables, former, "user_changed", now, ended);
    const lease: Lease = {
      id: this.#random.token(22),
      assignmentId: assignment.id,
      tenant: tenant.id,
      impu: assignment.impu,
      clientId,
      webSession,
      startedAt: now,
      ...times,
      endedAt: undefined,
    };
    const most = tenant.limits?.sessionsPerUser ?? Infinity;
    const bounded = since === "before" && most < Infinity;
    const live = bounded ? await tables.leases.live({ assignmentId: assignment.id }) : [];
    await tables.leases.begin(lease);
    // After the new one has begun: with its last lease a dynamic assignment would end.
    for (const oldest of live.slice(0, Math.max(0, live.length + 1 - most))) {
      await this.#endLease(tables, oldest, "too_many_sessions", now, ended);
    }
    return lease;
  }

  /** @param until end of the refresh token */
  #timesOf(entry: StoredEntry, until: number, now: number): LeaseTimes {
    const guests = this.#tenants.get(entry.tenant)?.anonymous?.block === entry.block;
    const life = guests ? Math.min(anonymousTokenSeconds, this.#accessTokenSeconds) : this.#accessTokenSeconds;
    const tokenUntil = Math.floor(Math.min(now + life * 1000, until) / 1000) * 1000;
    // A dynamic identity goes back when a page stops refreshing: guests close tabs, and seldom log out.
    return { tokenUntil, expiresAt: this.#isDynamic(entry) ? tokenUntil + skewSeconds * 1000 : until };
  }

  /** In a transaction of its own: a quarantine that has begun must not be undone by an exchange that fails. */
  async #endExpired(now: number): Promise<void> {
    if ((await this.#store.leases.live({ expiredAt: now })).length === 0) return;
    await this.write(async (tables, ended) => {
      for (const { id } of await tables.leases.live({ expiredAt: now })) {
        // A renewal on another node may have been quicker.
        const { lease } = (await withAssignment(tables, id)) ?? {};
        if (lease === undefined || lease.expiresAt > now) continue;
        await this.#endLease(tables, lease, "expired", lease.expiresAt, ended);
      }
      // Their tokens have expired as well, so there is nothing to revoke.
      ended.revocations.length = 0;
    });
  }

  async #endLease(tables: Tables, lease: Lease, reason: string, at: number, ended: Ended): Promise<void> {
    // Of two that end the last leases of an assignment at once, one has to see that it is the last.
    await tables.assignments.get(lease.assignmentId);
    if (!(await tables.leases.end(lease.id, at, reason))) return;
    ended.leases.push(lease);
    ended.revocations.push({ sessionId: lease.id, impu: lease.impu, tenant: lease.tenant, reason });
    const entry = await tables.blocks.find(lease.impu);
    if (entry === undefined || !this.#isDynamic(entry)) return;
    const { assignmentId: assignment, impu, tenant } = lease;
    if ((await tables.leases.live({ assignmentId: assignment })).length > 0) return;
    await this.#endAssignment(tables, ended, { id: assignment, impu, tenant }, reason, at);
  }

  async #endAssignment(
    tables: Tables,
    ended: Ended,
    { id, impu, tenant }: { id: string; impu: string; tenant: string },
    reason: string,
    at: number,
    actor = "waf",
  ): Promise<void> {
    const entry = await tables.blocks.find(impu);
    const rest = (entry && this.#blockOf(entry))?.quarantineSeconds ?? 0;
    if (!(await tables.assignments.end(id, at, reason, at + rest * 1000))) return;
    const detail = { assignment: id, reason };
    ended.records.push({ tenant, at, actor, action: "assignment.end", subject: impu, detail });
  }

  #isDynamic(entry: StoredEntry): boolean {
    return this.#blockOf(entry)?.assignment === "dynamic";
  }

  /** The block of an entry as its tenant defines it now. */
  #blockOf({ tenant, block }: StoredEntry): BlockDocument | undefined {
    return this.#tenants.get(tenant)?.blocks.find(({ id }) => id === block);
  }
}

/** What a user holds, and whether she held it before this exchange. */
interface Held {
  readonly assignment: Assignment;
  readonly entry: StoredEntry;
  readonly since: "before" | "now";
}

/** What comes with a refresh token. */
interface RenewalContext {
  readonly webSession?: string | undefined;
  /** Thumbprint of the key that has proven itself. */
  readonly proofKey?: string | undefined;
  readonly address: string;
}

interface LeasingOptions {
  readonly store: Store;
  readonly tenants: Directory;
  readonly accessTokenSeconds: number;
  readonly now: Now;
  readonly random: Random;
}
