import type { Assignment, Lease, RefreshToken, Store, StoredEntry, Tables } from "@portico/store";
import { type LeaseTimes, withAssignment } from "../lease.ts";
import type { Random } from "../ports.ts";
import { digest } from "../secrets.ts";
import { graceSeconds } from "../times.ts";
import type { Introspection } from "./introspection.ts";
import type { RestrictionsClaim } from "./restrictions.ts";

/** A use of an identity, with the times and the refresh token of the tokens to issue. */
export interface Grant {
  readonly entry: StoredEntry;
  readonly pseudonym: string;
  /** `sid` of the access token. */
  readonly sessionId: string;
  /** End of the access token, milliseconds since the epoch on a whole second. */
  readonly tokenUntil: number;
  readonly refreshToken: string;
  /** `jti` of the access token. */
  readonly tokenId: string;
  readonly scope: string;
  readonly restrictions: RestrictionsClaim | undefined;
}

/** What is issued under a lease. */
export interface Issue {
  readonly entry: StoredEntry;
  readonly assignment: Assignment;
  readonly scope: string;
  readonly restrictions: RestrictionsClaim | undefined;
  readonly proofKey: string | undefined;
  /** Hash of the refresh token this one follows. */
  readonly parent: string | undefined;
  readonly address: string;
  /** End of the refresh token. */
  readonly until: number;
}

/** 43 characters out of 36 hold 222 bits. */
const refreshTokenLength = 43;
/** Refresh tokens remembered for one lease, used ones included; the oldest is forgotten and refused as unknown. */
export const maxRefreshTokens = 256;

/** Writes down a refresh token and the access token of a lease that are about to be issued. */
export async function issueUnder(
  tables: Tables,
  random: Random,
  { id: leaseId }: Lease,
  { tokenUntil }: LeaseTimes,
  o: Issue,
  now: number,
): Promise<Grant> {
  const refreshToken = random.token(refreshTokenLength);
  await tables.refreshTokens.add({
    hash: digest(refreshToken),
    leaseId,
    scope: o.scope,
    issuedAt: now,
    expiresAt: o.until,
    parent: o.parent,
    restrictions: o.restrictions && JSON.stringify(o.restrictions),
    proofKey: o.proofKey,
  });
  const tokenId = random.token(22);
  await tables.issuedTokens.add({
    jti: tokenId,
    leaseId,
    address: o.address,
    issuedAt: now,
    expiresAt: tokenUntil,
  });
  const { entry, scope, restrictions } = o;
  const { pseudonym } = o.assignment;
  return { entry, pseudonym, sessionId: leaseId, tokenUntil, refreshToken, tokenId, scope, restrictions };
}

/**
 * What introspection says of a refresh token: active only as long as its holder may use it, and only to its tenant.
 * @param o.isActive the tenant is
 */
export async function describeRefreshToken(
  store: Pick<Store, "refreshTokens" | "leases">,
  tenant: string,
  refreshToken: string,
  o: { readonly now: number; readonly isActive: boolean },
): Promise<Introspection> {
  const token = await store.refreshTokens.get(digest(refreshToken));
  const lease = token && (await store.leases.get(token.leaseId));
  if (token === undefined || lease?.tenant !== tenant || lease.endedAt !== undefined) return { active: false };
  const live = token.rotatedAt === undefined && token.expiresAt > o.now && lease.expiresAt > o.now;
  if (!live || !o.isActive) return { active: false };
  const { scope, expiresAt, issuedAt } = token;
  const [exp, iat] = [expiresAt, issuedAt].map((time) => Math.floor(time / 1000));
  const { clientId: client_id, id: sid, impu } = lease;
  return {
    active: true,
    token_type: "refresh_token",
    client_id,
    scope,
    sid,
    impu,
    tenant,
    exp,
    iat,
  } as Introspection;
}

/**
 * True when a used token may be used once more: its answer was lost on the way. It was used a moment ago, and nobody has
 * shown the token given for it.
 */
export async function isLostAnswer(tables: Tables, token: RefreshToken, now: number): Promise<boolean> {
  if (token.superseded || now - (token.rotatedAt ?? 0) > graceSeconds * 1000) return false;
  const children = await tables.refreshTokens.childrenOf(token.hash);
  return children.every(({ rotatedAt, superseded }) => rotatedAt === undefined || superseded);
}

/** What a client's refresh token stands for; undefined when it is none of this client's. */
export async function ownedToken(
  tables: Tables,
  clientId: string,
  refreshToken: string,
): Promise<{ token: RefreshToken; lease: Lease; assignment: Assignment } | undefined> {
  const hash = digest(refreshToken);
  const leaseId = (await tables.refreshTokens.get(hash))?.leaseId;
  const used = leaseId === undefined ? undefined : await withAssignment(tables, leaseId);
  // Read under the lock of the assignment: of two who use one token at once, the second has to see that it was used.
  const token = await tables.refreshTokens.get(hash);
  return token !== undefined && used?.lease.clientId === clientId ? { token, ...used } : undefined;
}
