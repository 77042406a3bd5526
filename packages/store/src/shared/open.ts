import { LocalState } from "./localState.ts";
import type { SharedState } from "./sharedState.ts";
import { ValkeyState } from "./valkeyState.ts";

/** A Valkey or Redis server, 7 or newer. */
export interface ValkeyTarget {
  /** `redis://[user:password@]host:port/database`, with `rediss:` unless the server is on this machine. */
  readonly valkey: string;
  /** What its keys begin with; default `portico`. */
  readonly prefix?: string;
}

/**
 * @param target undefined: the portal is one process
 * @throws StoreError `store/unreachable`
 */
export async function openSharedState(target?: ValkeyTarget): Promise<SharedState> {
  if (target === undefined) return new LocalState(Date.now);
  return await ValkeyState.open(target.valkey, target.prefix ?? "portico");
}
