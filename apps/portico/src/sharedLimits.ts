import type { SharedLimits, SharedThing } from "@portico/epcscf";
import type { SharedState } from "@portico/store";

/** How often a node says how much of a limit it has, and how long that holds should it say nothing more; milliseconds. */
const sayEvery = 1000;
const holds = 4000;

export interface TenantLimitsOptions {
  readonly shared: Pick<SharedState, "hold">;
  /** Name of this node. */
  readonly node: string;
  /** What this node has. */
  readonly held: (what: SharedThing, tenant: string) => number;
}

/**
 * Limits of tenants over all nodes. Each says how much it has, at once when it wants one more, and every second while it has
 * any, so that whatever was wrong or lost is right a moment later, and what a dead node had is forgotten after four seconds.
 */
export class TenantLimits implements SharedLimits {
  readonly #o: TenantLimitsOptions;
  /** What this node has said it has some of. */
  readonly #told = new Map<string, readonly [what: SharedThing, tenant: string]>();
  readonly #timer: NodeJS.Timeout;

  constructor(o: TenantLimitsOptions) {
    this.#o = o;
    this.#timer = setInterval(() => this.#say(), sayEvery);
    this.#timer.unref();
  }

  async admit(what: SharedThing, tenant: string, own: number, limit: number): Promise<boolean> {
    const name = nameOf(what, tenant);
    this.#told.set(name, [what, tenant]);
    return (await this.#o.shared.hold(name, this.#o.node, own, { limit, ttl: holds })) !== undefined;
  }

  /** Has nothing any more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const { shared, node } = this.#o;
    await Promise.all([...this.#told.keys()].map((name) => shared.hold(name, node, 0, { ttl: holds })));
  }

  #say(): void {
    const { shared, node, held } = this.#o;
    for (const [name, [what, tenant]] of this.#told) {
      const own = held(what, tenant);
      if (own === 0) this.#told.delete(name);
      // While the shared state is away, this node counts by itself.
      void shared.hold(name, node, own, { ttl: holds });
    }
  }
}

const nameOf = (what: SharedThing, tenant: string): string => `${what} ${tenant}`;
