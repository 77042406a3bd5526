import type { Registration } from "./registration.ts";
import type { Granted } from "./restorer.ts";
import type { Memory } from "./watch.ts";

/** What is done about the grants of all users. */
export interface UserGrantActions {
  /** Whether the core still knows her. */
  ask(registration: Registration): Promise<Memory>;
  /** What {@link Granted.restore} does. */
  restore(registration: Registration, sure: boolean): Promise<boolean>;
}

/** What the core has granted a user by herself. Each look at all users makes one for each of them: it holds next to nothing. */
export class UserGrant implements Granted {
  readonly #registration: Registration;
  readonly #actions: UserGrantActions;

  constructor(registration: Registration, actions: UserGrantActions) {
    this.#registration = registration;
    this.#actions = actions;
  }

  get scscf(): string {
    return this.#registration.grant?.scscf ?? "";
  }

  get at(): number {
    return this.#registration.grantedFrom;
  }

  ask(): Promise<Memory> {
    return this.#actions.ask(this.#registration);
  }

  restore(sure: boolean): Promise<boolean> {
    return this.#actions.restore(this.#registration, sure);
  }
}
