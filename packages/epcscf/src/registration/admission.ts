import type { Clock, Random } from "@portico/sip";
import { chance } from "../chance.ts";
import { EpcscfError } from "../errors.ts";

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** New registrations the core is asked for in a second. */
  readonly registrationsPerSecond?: number | undefined;
}

/** After a restart 5000 browsers are back within half a minute, and the core has less to do than in its busiest hours. */
const usualPerSecond = 200;
/** How much of a second may pass at once. */
const burst = 0.25;
/** How long one may wait for its turn, ms: a browser gives a REGISTER up after 10 s (WIC-15). */
const longestWait = 4000;

/**
 * Paces new registrations toward the core, so that a restart does not end in a storm: all browsers come back at once, and what
 * the core cannot answer in time would come again. Whose turn is near waits for it; the others get 503 with a Retry-After
 * (RFC 3261 §21.5.4), each another one, over the time those need who were told so before. Refreshes do not come here.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #interval: number;
  /** Clock time of the next turn; it may lie in the past by a burst. */
  #turn = -Infinity;
  /** Who was told to come back and has not. */
  #away = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#interval = 1000 / (options.registrationsPerSecond ?? usualPerSecond);
  }

  /** Resolves when it is one's turn. @throws EpcscfError `epcscf/busy` with Retry-After. */
  async turn(): Promise<void> {
    const { clock } = this.#options;
    const now = clock.now();
    if (this.#turn <= now) this.#away = 0;
    const turn = Math.max(this.#turn, now - burst * 1000);
    if (turn - now > longestWait) throw new EpcscfError("epcscf/busy", [["Retry-After", this.#later(turn - now)]]);
    this.#turn = turn + this.#interval;
    this.#away = Math.max(0, this.#away - 1);
    if (turn > now) await new Promise<void>((resolve) => clock.setTimer(turn - now, resolve));
  }

  #later(wait: number): string {
    this.#away += 1;
    const spread = this.#away * this.#interval;
    return String(Math.ceil((wait + spread * chance(this.#options.random)) / 1000));
  }
}
