import type { UserAgent } from "@portico/sip";
import { relay } from "../relay.ts";
import type { Binding } from "./binding.ts";
import { ownRegister, type OwnRegisterOptions } from "./ownRegister.ts";

export interface UnbinderOptions extends OwnRegisterOptions {
  readonly agent: UserAgent;
}

/** Ends bindings in the core with the portal's own REGISTER (spec 3.14). */
export class Unbinder {
  readonly #options: UnbinderOptions;

  constructor(options: UnbinderOptions) {
    this.#options = options;
  }

  /** One attempt. @returns true when no binding is left. */
  async unbind(binding: Binding): Promise<boolean> {
    const { core, agent, random } = this.#options;
    // RFC 3261 §10.3, step 7: under a Call-ID that the registrar has not seen, no CSeq is too low, after a crash either.
    const order = { callId: `${random.token(24)}@${core.sentBy}`, cseq: 1 };
    const request = ownRegister(this.#options, binding, 0, order);
    const status = (await relay(agent, request, core.entry(binding.key)))?.status ?? 408;
    // 403 and 404: the core does not know the binding any more.
    return status < 300 || status === 403 || status === 404;
  }
}
