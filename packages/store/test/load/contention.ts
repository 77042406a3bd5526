import { generateKeyPairSync } from "node:crypto";
import { openStore, type Store, type StoreTarget, verifyAudit } from "../../src/index.ts";
import { fillBlock, release } from "./flow.ts";
import { violated } from "./invariants.ts";
import type { Acknowledgement } from "./worker.ts";
import { Worker } from "./workers.ts";

/** Entries of the block. */
export const size = 20;
const { publicKey } = generateKeyPairSync("ed25519");

const long = process.env["PORTICO_FUZZ_RUNS"] !== undefined;
/** Leases and releases in a test: all of them in the long run, else a sample. */
export const operations: number = long ? 10_000 : 400;
/** How often something is killed in a test. */
export const kills: number = long ? 50 : 3;
/** Milliseconds that a test of this kind may take. */
export const patience: number = long ? 3_600_000 : 180_000;

/** Several processes lease and release a block that is too small for them. @returns what is wrong afterwards */
export async function contend(
  target: StoreTarget,
  { processes, loops }: { readonly processes: number; readonly loops: number },
  query: Query,
): Promise<unknown[]> {
  const store = await openStore(target);
  await fillBlock(store, size);
  const order = { target, loops, users: size * 2, operations: Math.ceil(operations / processes) };
  const workers = Array.from({ length: processes }, () => new Worker(order));
  await Promise.all(workers.map((worker) => worker.isDone()));
  const said = workers.flatMap((worker) => worker.said);
  const faults = await faultsOf(store, said, query);
  await store.close();
  return said.length < operations / 2 ? [...faults, `only ${said.length} things were done`] : faults;
}

/** Runs a statement beside the store. */
export type Query = (sql: string) => Promise<unknown[]>;

/**
 * What is wrong with the tables, or missing of what was acknowledged; with the identities that are free when all have
 * been given back.
 */
export async function faultsOf(store: Store, said: readonly Acknowledgement[], query: Query): Promise<unknown[]> {
  const faults: unknown[] = [...(await violated(query)), ...(await lost(store, said))];
  faults.push(...(await verifyAudit(store, [], publicKey)).faults);
  for (const { id: lease, impu } of await store.leases.live({ tenant: "acme" })) {
    await release(store, { lease, impu, token: "" });
  }
  const { free } = await store.blocks.count("acme", Date.now());
  if (free !== size) faults.push(`${size - free} of ${size} identities are lost`);
  return [...faults, ...(await violated(query))];
}

/** What was acknowledged and is not in the tables. */
async function lost(store: Store, said: readonly Acknowledgement[]): Promise<Acknowledgement[]> {
  const gone: Acknowledgement[] = [];
  for (const line of said) {
    if (line.did === "done") continue;
    const [lease, token] = await Promise.all([store.leases.get(line.lease), store.refreshTokens.get(line.token)]);
    const kept = line.did === "release" ? lease?.endedAt !== undefined : token?.leaseId === line.lease;
    if (lease?.impu !== line.impu || !kept) gone.push(line);
  }
  return gone;
}
