import type { Clock, SipResponse, UserAgent } from "@portico/sip";
import type { Log } from "../ports.ts";
import { relay } from "../relay.ts";
import { coreAnswer } from "./coreAnswers.ts";
import type { Endings } from "./endings.ts";
import { readGrant } from "./grant.ts";
import { ownRegister, type OwnRegisterOptions } from "./ownRegister.ts";
import type { Registration } from "./registration.ts";

export interface RebinderOptions extends OwnRegisterOptions {
  readonly agent: UserAgent;
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly log: Log;
  readonly endings: Endings;
  /** The core has granted it once more. */
  readonly registered: (registration: Registration, initial: boolean) => void;
}

/** Registers with the portal's own REGISTER whom the core has lost: her page need not do so, and her calls go on. */
export class Rebinder {
  readonly #options: RebinderOptions;
  /** By key. */
  readonly #underWay = new Map<string, Promise<boolean>>();

  constructor(options: RebinderOptions) {
    this.#options = options;
  }

  /**
   * Of a key for which a REGISTER of this node's own is on its way: resolves when it is answered, since a browser's that overtook it
   * would be undone by it.
   */
  settled(key: string): Promise<unknown> | undefined {
    return this.#underWay.get(key);
  }

  /** @param expires seconds. @returns false when nobody has answered */
  async rebind(registration: Registration, expires: number): Promise<boolean> {
    const { endings } = this.#options;
    const { key } = registration;
    // Her own REGISTER, which is on its way, does the same or ends it.
    if (endings.ledger.holds(key) || endings.isLeaving(registration)) return true;
    const work = this.#rebind(registration, expires).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, work);
    return await work;
  }

  async #rebind(registration: Registration, expires: number): Promise<boolean> {
    const { agent, core, random, endings, log } = this.#options;
    const { key } = registration;
    const binding = endings.binding(registration);
    endings.ledger.hold(key);
    const order = { callId: `${random.token(24)}@${core.sentBy}`, cseq: 1 };
    const response = await relay(agent, ownRegister(this.#options, binding, expires, order), core.entry(key));
    endings.ledger.release(key);
    const granted = response !== undefined && response.status < 300;
    if (registration.ended !== undefined) {
      // What this has bound goes again.
      if (granted) void endings.unbind(binding, registration.ended);
      else if (!endings.isLeft(key)) endings.ledger.remove(key);
      return true;
    }
    if (granted) {
      this.#granted(registration, response, expires);
      return true;
    }
    const { alarm, ends = false } = coreAnswer(response);
    if (alarm !== undefined) log.alarm(alarm, { status: response?.status ?? 408 });
    if (ends) void endings.end(registration, "network");
    return ends;
  }

  #granted(registration: Registration, response: SipResponse, expires: number): void {
    const { core, clock, wallClock, endings, log, registered } = this.#options;
    const ours = { uri: core.uri(registration.key), impu: registration.impu };
    try {
      const grant = readGrant(response, ours, expires, registration.grant);
      registration.granted(grant, clock.now(), wallClock());
    } catch {
      log.alarm("core.contradiction");
      void endings.end(registration, "network");
      return;
    }
    endings.ledger.touch(endings.binding(registration));
    registered(registration, false);
  }
}
