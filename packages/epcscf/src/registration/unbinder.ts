import { SipRequest, type Clock, type Random, type UserAgent } from "@portico/sip";
import type { Core } from "../core.ts";
import type { ChargingVectors } from "../policy/charging.ts";
import type { Log } from "../ports.ts";
import { relay } from "../relay.ts";
import type { Registration } from "./registration.ts";
import { asTrustedNode } from "./trustedNode.ts";

export interface UnbinderOptions {
  readonly core: Core;
  readonly agent: UserAgent;
  readonly charging: ChargingVectors;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** P-Visited-Network-ID. */
  readonly networkId: string;
}

/** Attempts to end a binding in the core, and the pause between them in ms. */
const attempts = 3;
const pause = 2000;

/** Ends bindings in the core with the portal's own REGISTER (spec 3.14). */
export class Unbinder {
  readonly #options: UnbinderOptions;

  constructor(options: UnbinderOptions) {
    this.#options = options;
  }

  /** @returns true when the core confirmed. */
  async unbind(registration: Registration): Promise<boolean> {
    const { core, agent, clock, log } = this.#options;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const status = (await relay(agent, this.#request(registration), core.entry()))?.status ?? 408;
      // 403 and 404: the core does not know the binding any more.
      if (status < 300 || status === 403 || status === 404) return true;
      if (attempt < attempts) await new Promise<void>((resolve) => clock.setTimer(pause, resolve));
    }
    log.alarm("register.binding-left", { reason: "the core did not confirm the de-registration" });
    return false;
  }

  #request(registration: Registration): SipRequest {
    const { core, random, charging, networkId } = this.#options;
    const { homeDomain } = core.options;
    const { impu } = registration;
    registration.ownCallId ??= `${random.token(24)}@${core.sentBy}`;
    registration.ownCseq += 1;
    const request = SipRequest.create("REGISTER", `sip:${homeDomain}`, [
      ["Max-Forwards", "70"],
      ["From", `<${impu}>;tag=${random.token(10)}`],
      ["To", `<${impu}>`],
      ["Call-ID", registration.ownCallId],
      ["CSeq", `${registration.ownCseq} REGISTER`],
      ["Supported", "path, outbound"],
      ["Expires", "0"],
    ]);
    asTrustedNode(
      request,
      { homeDomain, networkId },
      {
        impi: registration.entry.impi,
        contact: `<${core.uri(registration.key)}>${registration.asked.params};expires=0`,
        path: registration.path,
        chargingVector: charging.next(),
      },
    );
    return request;
  }
}
