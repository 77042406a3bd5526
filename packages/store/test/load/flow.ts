import { createHash, randomUUID } from "node:crypto";
import { personOf, skewSeconds, type Store, type Tables, type UserKey } from "../../src/index.ts";
import { entry } from "../entries.ts";

/** A live use of an identity, and the refresh token that is good for its next renewal. */
export interface Use {
  readonly lease: string;
  readonly impu: string;
  readonly token: string;
}

/** The block of Acme, with so many entries. */
export async function fillBlock(store: Store, size: number): Promise<void> {
  await store.blocks.add(Array.from({ length: size }, (_, n) => entry(n + 1)));
}

/** What a token exchange writes, with identities that go back when their last lease ends. @returns undefined: all taken */
export function take(store: Pick<Store, "transaction">, subject: string): Promise<Use | undefined> {
  return store.transaction(async (tables) => {
    const now = Date.now();
    const user: UserKey = { tenant: "acme", issuer: "https://idp.acme.test", subject };
    const { id, impu } = (await tables.assignments.of(user)) ?? (await assign(tables, user, now)) ?? {};
    if (id === undefined || impu === undefined) return undefined;
    const lease = randomUUID();
    const times = { startedAt: now, expiresAt: now + 1000, tokenUntil: now - skewSeconds * 1000 };
    await tables.leases.begin({
      id: lease,
      assignmentId: id,
      impu,
      tenant: "acme",
      clientId: "talk.acme.test",
      webSession: lease,
      ...times,
    });
    return { lease, impu, token: await issue(tables, lease, now) };
  });
}

async function assign(tables: Tables, user: UserKey, now: number): Promise<{ id: string; impu: string } | undefined> {
  const impu = (await tables.blocks.free("acme", now))?.impu;
  if (impu === undefined) return undefined;
  const id = randomUUID();
  await tables.assignments.begin({ ...user, id, impu, pseudonym: id, startedAt: now });
  await record(tables, "assignment.begin", impu, now, personOf(user));
  return { id, impu };
}

/** What a refresh writes. @returns undefined when the token was used before or its lease has ended */
export function renew(store: Pick<Store, "transaction">, { lease, impu, token }: Use): Promise<Use | undefined> {
  return store.transaction(async (tables) => {
    const now = Date.now();
    if ((await underLock(tables, lease))?.endedAt !== undefined) return undefined;
    if ((await tables.refreshTokens.get(token))?.rotatedAt !== undefined) return undefined;
    await tables.refreshTokens.rotate(token, now);
    await tables.leases.extend(lease, now + 1000, now - skewSeconds * 1000);
    return { lease, impu, token: await issue(tables, lease, now) };
  });
}

/** What a logout writes. @returns false when the lease had ended before */
export function release(store: Pick<Store, "transaction">, { lease, impu }: Use): Promise<boolean> {
  return store.transaction(async (tables) => {
    const now = Date.now();
    const known = await underLock(tables, lease);
    if (known === undefined || !(await tables.leases.end(lease, now, "logout"))) return false;
    const { assignmentId } = known;
    if ((await tables.leases.live({ assignmentId })).length > 0) return true;
    await tables.assignments.end(assignmentId, now, "logout", now);
    await record(tables, "assignment.end", impu, now);
    return true;
  });
}

async function underLock(
  tables: Tables,
  id: string,
): Promise<{ assignmentId: string; endedAt: number | undefined } | undefined> {
  const lease = await tables.leases.get(id);
  if (lease !== undefined) await tables.assignments.get(lease.assignmentId);
  return await tables.leases.get(id);
}

async function issue(tables: Tables, leaseId: string, now: number): Promise<string> {
  const hash = createHash("sha256").update(randomUUID()).digest("base64url");
  const times = { issuedAt: now, expiresAt: now + 1000 };
  await tables.refreshTokens.add({
    hash,
    leaseId,
    ...times,
    scope: "ims.register",
    parent: undefined,
    restrictions: undefined,
    proofKey: undefined,
  });
  await tables.refreshTokens.trim(leaseId, 256);
  await tables.issuedTokens.add({ jti: randomUUID(), leaseId, address: "192.0.2.1", ...times });
  return hash;
}

async function record(tables: Tables, action: string, subject: string, at: number, person?: string): Promise<void> {
  await tables.audit.append({ tenant: "acme", at, actor: "load", action, subject, person });
}
