import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "@portico/store";
import { entry } from "../../../packages/store/test/entries.ts";
import { Leasing } from "../../../packages/waf/src/leasing.ts";
import { Directory } from "../../../packages/waf/src/tenant/directory.ts";
import { acme, acmeBlock, acmeClientId } from "../../../packages/waf/test/world.ts";
import { serve } from "../serve.ts";

// Process under test: the WAF's leasing on a store. Argument: URL of a PostgreSQL server; none: a file of SQLite.
const [postgres] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "portico-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const store = await openStore(postgres === undefined ? { sqlite: join(folder, "waf.db") } : { postgres });
const tenants = new Directory(store, fetch);
let clock = 1_800_000_000_000;
let letters = 0;
const leasing = await Leasing.open({
  store,
  tenants,
  accessTokenSeconds: 1,
  now: () => clock,
  random: { token: (length) => String((letters += 1)).padStart(length, "0") },
});
/** Uses of identities at any time; after so long again each may be given to another user. */
const live = 8;
/** Milliseconds between two leases: tokens live 1 s and their skew, a minute. */
const step = 7000;
let users = 0;

const commands = {
  /** Makes a block, half of which is held. */
  prepare: async (size: number): Promise<void> => {
    const document = { ...acme, blocks: [{ ...acmeBlock, assignment: "dynamic", quarantineSeconds: 0 }] };
    await store.tenants.insert({ id: "acme", source: "api", document: JSON.stringify(document) }, 0);
    await tenants.refresh();
    await store.blocks.add(Array.from({ length: size }, (_, n) => entry(n + 1)));
    await store.transaction(async ({ assignments }) => {
      for (let n = 1; n <= size / 2; n += 1) {
        const id = `held${n}`;
        const user = { tenant: "acme", issuer: "https://idp.acme.test", subject: id };
        await assignments.begin({ ...user, id, impu: entry(n).impu, pseudonym: id, startedAt: 0 });
      }
    });
  },
  /** Leases so often, and gives each identity back after a while. @returns milliseconds that each lease took, sorted */
  run: async (count: number): Promise<number[]> => {
    const client = tenants.client(acmeClientId);
    if (client === undefined) throw new Error("no client");
    const times: number[] = [];
    const uses: string[] = [];
    for (let n = 0; n < count; n += 1) {
      clock += step;
      const subject = `user${(users += 1)}`;
      const user = { tenant: "acme", issuer: "https://idp.acme.test", subject };
      const wish = { webSession: subject, scope: "ims.register", address: "192.0.2.1", claims: {} };
      const start = performance.now();
      const { sessionId } = await leasing.begin(user, client, {
        ...wish,
        restrictions: undefined,
        proofKey: undefined,
        impu: undefined,
      });
      times.push(performance.now() - start);
      uses.push(sessionId);
      const oldest = uses.length > live ? uses.shift() : undefined;
      if (oldest !== undefined) await leasing.endSession(acmeClientId, oldest, "logout");
    }
    for (const use of uses) await leasing.endSession(acmeClientId, use, "logout");
    return times.toSorted((a, b) => a - b);
  },
};
export type LeaseCommands = typeof commands;
serve(commands);
