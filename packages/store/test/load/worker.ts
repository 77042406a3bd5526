import { setTimeout as wait } from "node:timers/promises";
import { openStore, StoreError, type StoreTarget } from "../../src/index.ts";
import { release, renew, take, type Use } from "./flow.ts";

/** What a worker is told, as JSON in its first argument. */
export interface Order {
  readonly target: StoreTarget;
  /** Leases and releases to do; absent: until killed. */
  readonly operations?: number;
  /** Done side by side. */
  readonly loops: number;
  /** Users that come and go; more than there are identities. */
  readonly users: number;
}

/** One line of its standard output: what is on disk. */
export type Acknowledgement = (Use & { readonly did: "take" | "renew" | "release" }) | { readonly did: "done" };

// A process that leases, renews and releases identities at random, and says what it has done once that is kept.
const { target, operations = Infinity, loops, users } = JSON.parse(process.argv[2] ?? "") as Order;
const store = await openStore(target);
const say = (line: Acknowledgement): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
let left = operations;

async function loop(): Promise<void> {
  const uses: Use[] = [];
  while (left > 0) {
    left -= 1;
    const one = Math.random() < 0.4 ? undefined : uses.shift();
    try {
      if (one === undefined) {
        const use = await take(store, `user${Math.floor(Math.random() * users)}`);
        if (use === undefined) continue;
        uses.push(use);
        say({ ...use, did: "take" });
      } else if (Math.random() < 0.5) {
        const use = await renew(store, one);
        if (use === undefined) throw new Error(`${one.lease} cannot be renewed`);
        uses.push(use);
        say({ ...use, did: "renew" });
      } else {
        if (!(await release(store, one))) throw new Error(`${one.lease} had been released`);
        say({ ...one, did: "release" });
      }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // Busy: nothing was done. Unreachable: nobody knows, so it is not said, and its lease is not touched again.
      if (error.code === "store/busy" && one !== undefined) uses.push(one);
      await wait(10);
    }
  }
}

await Promise.all(Array.from({ length: loops }, loop));
await store.close();
say({ did: "done" });
