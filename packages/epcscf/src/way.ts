import type { Clock, Hop, Target } from "@portico/sip";
import type { Outages } from "./outages.ts";

/** What a way borrows from the core it leads to. */
export interface WayContext {
  readonly clock: Clock;
  readonly outages: Outages;
  hopTo(target: Target): Hop;
}

/** Milliseconds without any response after which the next target is tried beside the silent one. */
const patience = 6000;

/** The places one request may go to, best first (RFC 3263 §4), and what becomes of them. */
export class Way {
  readonly #context: WayContext;
  readonly #targets: readonly Target[] | AsyncIterator<Target, void>;
  /** Of targets in a list: how many have been tried. */
  #tried = 0;
  /** The target, where there is one and can be no other: nothing need be chosen, and nobody watch the time. */
  readonly only: Target | undefined;

  constructor(context: WayContext, targets: readonly Target[] | AsyncIterator<Target, void>) {
    this.#context = context;
    this.#targets = targets;
    this.only = "length" in targets && targets.length === 1 ? targets[0] : undefined;
  }

  /** The next target; undefined when there is no other, or the URI leads nowhere. */
  async next(): Promise<Target | undefined> {
    const targets = this.#targets;
    if ("length" in targets) return targets[this.#tried++];
    try {
      return (await targets.next()).value ?? undefined;
    } catch {
      // A URI that cannot be read leads nowhere.
      return undefined;
    }
  }

  hopTo(target: Target): Hop {
    return this.#context.hopTo(target);
  }

  /** The hop to the best target. @throws Error when there is none. */
  async first(): Promise<Hop> {
    const target = await this.next();
    if (target === undefined) throw new Error("no address");
    return this.hopTo(target);
  }

  /** Tells when a target that has said nothing should no longer be waited for alone. @returns stops that. */
  whenSlow(target: Target, tell: () => void): () => void {
    if (this.only !== undefined) return () => undefined;
    return this.#context.clock.setTimer(patience, () => {
      this.failed(target);
      tell();
    });
  }

  /** @param seconds Retry-After of a 503, 0 if it has none; absent: no answer at all. */
  failed(target: Target, seconds?: number): void {
    this.#context.outages.failed(target, seconds);
  }

  answered(target: Target): void {
    this.#context.outages.over(target);
  }
}
