import { createHash, timingSafeEqual } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { ApiKey, Store } from "@portico/store";
import type { Random } from "@portico/waf";
import { AdminError } from "./errors.ts";
import type { Principal } from "./principal.ts";

/** `portico_ID_SECRET`: a fixed begin, so that scanners of leaked secrets know it. */
const form = /^portico_([a-z0-9]{12})_([a-z0-9]{40})$/;
/** A use is noted once in this time, milliseconds. */
const touchEvery = 60_000;

/** What a new key needs; its secret is in the token that {@link newApiKey} returns, and nowhere else. */
export type NewApiKey = Pick<ApiKey, "name" | "role" | "tenant" | "expiresAt">;

/** True for texts that claim to be an API key. */
export const looksLikeApiKey = (token: string): boolean => token.startsWith("portico_");

/** @returns the row to store and the token to show once */
export function newApiKey(key: NewApiKey, now: number, random: Random): { row: ApiKey; token: string } {
  const [id, secret] = [random.token(12), random.token(40)];
  const row = { ...key, id, hash: hashOf(secret), createdAt: now, revokedAt: undefined, lastUsedAt: undefined };
  return { row, token: `portico_${id}_${secret}` };
}

/** Finds whose key a token is, and notes its use. */
export class ApiKeyCheck {
  readonly #store: Pick<Store, "apiKeys">;
  readonly #now: () => number;

  constructor(store: Pick<Store, "apiKeys">, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** @throws AdminError `unauthenticated`, `credentials_expired` */
  async principal(token: string): Promise<Principal> {
    const [, id = "", secret = ""] = form.exec(token) ?? [];
    const key = await this.#store.apiKeys.get(id);
    // The secret has 206 bits, so a plain hash keeps it; an unknown id costs the same comparison.
    const same = timingSafeEqual(Buffer.from(hashOf(secret)), Buffer.from(key?.hash ?? hashOf("")));
    const now = this.#now();
    if (key === undefined || !same || key.revokedAt !== undefined) throw new AdminError("unauthenticated");
    if (key.expiresAt !== undefined && key.expiresAt <= now) throw new AdminError("credentials_expired");
    // A key confined to nothing must not become one that reaches everything.
    if ((key.role === "tenant-admin") !== (key.tenant !== undefined)) throw new AdminError("unauthenticated");
    if (Math.abs(now - (key.lastUsedAt ?? -Infinity)) >= touchEvery) await this.#store.apiKeys.touch(key.id, now);
    return { actor: `key:${key.id}`, role: key.role, tenant: key.tenant, expiresAt: key.expiresAt };
  }
}

/**
 * Where no key exists yet, makes one of role operator and writes it to `file`, readable by its owner alone.
 * @returns true when it did
 */
export async function writeFirstKey(store: Store, file: string, now: number, random: Random): Promise<boolean> {
  if ((await store.apiKeys.all()).length > 0) return false;
  const { row, token } = newApiKey(
    { name: "first", role: "operator", tenant: undefined, expiresAt: undefined },
    now,
    random,
  );
  // The file first: a key whose secret nobody has would keep everybody out.
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  await store.transaction(async ({ apiKeys, audit }) => {
    await apiKeys.add(row);
    const detail = { role: row.role };
    await audit.append({
      tenant: undefined,
      at: now,
      actor: "portal",
      action: "apiKey.create",
      subject: row.id,
      detail,
    });
  });
  return true;
}

const hashOf = (secret: string): string => createHash("sha256").update(secret).digest("base64url");
