import type { Log } from "./ports.ts";
import type { RegistrationView } from "./registration/view.ts";
import type { EndReason } from "./registration/registration.ts";
import type { LegTimes, SessionEnd, SessionView } from "./session/view.ts";

/** What happens to registrations and sessions of a node, and what an operator must act on. */
export type EpcscfEvent =
  | {
      readonly type: "registration";
      /** `flow-lost`: the socket is gone, its grace time runs; `flow-back`: another one has taken over. */
      readonly change: "registered" | "refreshed" | "flow-lost" | "flow-back";
      readonly registration: RegistrationView;
    }
  | {
      readonly type: "registration";
      readonly change: "ended";
      readonly registration: RegistrationView;
      readonly reason: EndReason;
      /** True when no binding is left in the core. */
      readonly confirmed: boolean;
    }
  | { readonly type: "session"; readonly change: "began" | "answered"; readonly session: SessionView }
  | {
      readonly type: "session";
      readonly change: "ended";
      readonly session: SessionView;
      readonly end: SessionEnd;
      /** When each leg that there was began, milliseconds since the epoch. */
      readonly legs: LegTimes;
    }
  | {
      readonly type: "alarm";
      readonly alarm: string;
      readonly facts: Readonly<Record<string, string | number | boolean>>;
    };

/** Tells listeners; a listener that throws ends in the log and keeps no other from hearing. */
export class Events {
  readonly #listeners = new Set<(event: EpcscfEvent) => void>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** The log it was made with, whose alarms are events as well. */
  get log(): Log {
    const log = this.#log;
    return {
      info: (event, facts) => log.info(event, facts),
      warn: (event, facts) => log.warn(event, facts),
      alarm: (event, facts = {}) => {
        log.alarm(event, facts);
        this.emit(() => ({ type: "alarm", alarm: event, facts }));
      },
    };
  }

  /** @returns a function that ends the listening. */
  on(listener: (event: EpcscfEvent) => void): () => void {
    const own = (event: EpcscfEvent): void => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** @param make called only when somebody listens: a view costs more than a refresh. */
  emit(make: () => EpcscfEvent): void {
    if (this.#listeners.size === 0) return;
    const event = make();
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#log.warn("events.listener", { message: error instanceof Error ? error.message : "unknown" });
      }
    }
  }
}
