import type { Clock } from "@portico/sip";
import type { Log } from "../ports.ts";
import type { Registration } from "./registration.ts";
import type { Memory } from "./watch.ts";

/** A registration that an S-CSCF has granted: a user's, or a wildcarded block's. */
export interface Granted {
  /** Who has it by now: {@link Grant.scscf}. */
  readonly scscf: string;
  /** Clock time of the grant, ms. */
  readonly at: number;
  /** Whether the core still knows it. */
  ask(): Promise<Memory>;
  /** Registers it anew. @returns false when nobody answers, or when that is not this node's to do without being sure */
  restore(sure: boolean): Promise<boolean>;
}

export interface RestorerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** @param but a user left out: she registers anew by herself */
  readonly granted: (but?: Registration) => Iterable<Granted>;
}

/** Between questions to an S-CSCF, ms. */
const interval = 30_000;
/** After a question, until silence that somebody has found is a reason for another one, ms. */
const respite = 5000;
/** Registrations restored at a time: an S-CSCF that has just started has all of its users to serve. */
const atOnce = 8;

/**
 * Finds out that an S-CSCF has lost its registrations, and gives it them again (TS 23.380 §4): one that was restarted says nothing by
 * itself, refuses its users' calls and has nowhere to send those for them, until each has registered anew. One question in half a minute is
 * enough for any number of users: that for the registration granted longest ago. Where it is lost the next ones are asked for,
 * until one is known; all granted after that one were granted after the loss. One that does not answer may be down for good: where a
 * REGISTER for the first registration gets another S-CSCF from the core, the others follow it there.
 */
export class Restorer {
  readonly #options: RestorerOptions;
  #stopTimer: () => void = () => undefined;
  #looking = false;
  /** Clock time, ms. */
  #lookedAt = -respite;
  #closed = false;

  constructor(options: RestorerOptions) {
    this.#options = options;
    this.#later();
  }

  /**
   * A user's requests have found nobody: looks at the others' as well. Not each time: who sends to somebody who never answers finds
   * silence as often as she likes, and a look costs the more the more users there are.
   */
  silent(user: Registration): void {
    if (this.#options.clock.now() - this.#lookedAt >= respite) this.look(user);
  }

  /** Looks now, and not when its time has come. @param but a user left out: she registers anew by herself */
  look(but?: Registration): void {
    if (this.#looking) return;
    this.#stopTimer();
    this.#lookedAt = this.#options.clock.now();
    this.#looking = true;
    void this.#look(but).finally(() => {
      this.#looking = false;
      this.#later();
    });
  }

  close(): void {
    this.#closed = true;
    this.#stopTimer();
  }

  #later(): void {
    if (!this.#closed) this.#stopTimer = this.#options.clock.setTimer(interval, () => this.look());
  }

  async #look(but: Registration | undefined): Promise<void> {
    const byScscf = Map.groupBy(this.#options.granted(but), ({ scscf }) => scscf);
    await Promise.all([...byScscf.values()].map((granted) => this.#restoreLost(granted)));
  }

  async #restoreLost(granted: readonly Granted[]): Promise<void> {
    const { log } = this.#options;
    const queue = oldestFirst(granted);
    const from = granted[0]?.scscf;
    let restored = 0;
    let moved = false;
    /** @returns false once something is known, or nobody answers any more */
    const next = async (): Promise<boolean> => {
      for (let { value: one } = queue.next(); one !== undefined; { value: one } = queue.next()) {
        const memory = moved ? "lost" : await one.ask();
        if (this.#closed) return false;
        if (memory === "unwatched") continue;
        const lost = memory === "lost";
        if (memory === "known" || (!lost && restored > 0)) return false;
        if (lost && restored === 0) log.alarm("core.scscf-lost-registrations");
        if (!(await one.restore(lost))) return false;
        moved ||= one.scscf !== from;
        if (!lost && !moved) return false;
        restored += 1;
        return true;
      }
      return false;
    };
    const rest = async (): Promise<void> => {
      let more = true;
      while (more) more = await next();
    };
    if (!(await next())) return;
    await Promise.all(Array.from({ length: atOnce }, rest));
    log.info("registrations.restored", { count: restored });
  }
}

/** By the time of the grant. Mostly the core knows the first one and no other is wanted: the rest is sorted when it is. */
function* oldestFirst(granted: readonly Granted[]): Generator<Granted, undefined> {
  let oldest = granted[0];
  if (oldest === undefined) return;
  for (const one of granted) if (one.at < oldest.at) oldest = one;
  yield oldest;
  yield* granted.filter((one) => one !== oldest).toSorted((one, other) => one.at - other.at);
}
