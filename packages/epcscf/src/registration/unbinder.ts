import { SipRequest, type Random, type UserAgent } from "@portico/sip";
import type { Core } from "../core.ts";
import type { ChargingVectors } from "../policy/charging.ts";
import { relay } from "../relay.ts";
import type { Binding } from "./binding.ts";
import { asTrustedNode } from "./trustedNode.ts";

export interface UnbinderOptions {
  readonly core: Core;
  readonly agent: UserAgent;
  readonly charging: ChargingVectors;
  readonly random: Random;
  /** P-Visited-Network-ID. */
  readonly networkId: string;
}

/** Ends bindings in the core with the portal's own REGISTER (spec 3.14). */
export class Unbinder {
  readonly #options: UnbinderOptions;

  constructor(options: UnbinderOptions) {
    this.#options = options;
  }

  /** One attempt. @returns true when no binding is left. */
  async unbind(binding: Binding): Promise<boolean> {
    const { core, agent } = this.#options;
    const status = (await relay(agent, this.#request(binding), core.entry(binding.key)))?.status ?? 408;
    // 403 and 404: the core does not know the binding any more.
    return status < 300 || status === 403 || status === 404;
  }

  #request(binding: Binding): SipRequest {
    const { core, random, charging, networkId } = this.#options;
    const { homeDomain } = core.options;
    const { impu } = binding;
    const request = SipRequest.create("REGISTER", `sip:${homeDomain}`, [
      ["Max-Forwards", "70"],
      ["From", `<${impu}>;tag=${random.token(10)}`],
      ["To", `<${impu}>`],
      // RFC 3261 §10.3, step 7: under a Call-ID that the registrar has not seen, no CSeq is too low, after a crash either.
      ["Call-ID", `${random.token(24)}@${core.sentBy}`],
      ["CSeq", "1 REGISTER"],
    ]);
    asTrustedNode(
      request,
      { homeDomain, networkId },
      {
        impi: binding.impi,
        contact: `${binding.contact};expires=0`,
        path: binding.path,
        supported: "path, outbound",
        expires: 0,
        chargingVector: charging.next(),
      },
    );
    return request;
  }
}
