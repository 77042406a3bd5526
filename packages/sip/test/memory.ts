import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Octets of the heap that what is made here still holds when all that nobody needs any more is gone. */
export function held(make: () => unknown): number {
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = make();
  collect();
  const growth = process.memoryUsage().heapUsed - before;
  // Until here it is in use.
  return kept === undefined ? 0 : growth;
}
