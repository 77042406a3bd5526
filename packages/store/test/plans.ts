import { CompiledQuery, type Dialect, Kysely } from "kysely";
import { atomically } from "../src/atomically.ts";
import type { Schema } from "../src/schema.ts";
import { tablesOf, type Tables } from "../src/store.ts";
import { release, renew, take } from "./load/flow.ts";

/**
 * Leases, renews and gives back an identity, and sweeps. @returns how the database goes about each statement of it
 * @param explain what stands before a statement to have it explained
 */
export async function plansOf(dialect: Dialect, explain: string): Promise<Map<string, string>> {
  const statements = new Map<string, CompiledQuery>();
  const db = new Kysely<Schema>({ dialect, log: ({ query }) => void statements.set(query.sql, query) });
  const store = {
    transaction: <T>(work: (tables: Tables) => Promise<T>): Promise<T> =>
      atomically(db, (transaction) => work(tablesOf(transaction))),
  };
  const use = await take(store, "mary");
  const renewed = use && (await renew(store, use));
  if (renewed === undefined) throw new Error("no identity is free");
  const { leases, blocks, assignments, issuedTokens, refreshTokens, assertions } = tablesOf(db);
  await blocks.free("acme", Date.now(), { block: "main" });
  await blocks.free("acme", Date.now(), { impu: renewed.impu });
  await blocks.page("acme", { now: Date.now(), limit: 10, after: renewed.impu });
  await assignments.holding(renewed.impu);
  await leases.register(renewed.lease, Date.now());
  await release(store, renewed);
  await leases.live({ expiredAt: Date.now() });
  const user = { tenant: "acme", issuer: "https://idp.acme.test", subject: "mary" };
  for (const { id } of await assignments.allOf(user)) {
    await issuedTokens.forgetAddresses(id);
    await assignments.anonymise(id);
  }
  await leases.purge(1);
  await issuedTokens.purge(1);
  await refreshTokens.purge(1);
  await assertions.purge(1);
  const plans = new Map<string, string>();
  for (const [text, query] of statements) {
    if (!/^(select|insert|update|delete)/.test(text)) continue;
    const { rows } = await db.executeQuery(CompiledQuery.raw(`${explain} ${text}`, [...query.parameters]));
    plans.set(text, rows.map((row) => Object.values(row as object).join(" ")).join("\n"));
  }
  await db.destroy();
  return plans;
}
