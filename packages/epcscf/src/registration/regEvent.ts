import type { SipRequest } from "@portico/sip";
import { contactPrefix, Watch, type Memory, type Watched, type WatchOptions } from "./watch.ts";

/**
 * The eP-CSCF's own subscriptions to the reg event of the identities it serves (TS 24.229 §5.2.3, RFC 3680): one for each
 * registration, from its first 200 (OK) to its end, prolonged only before it would end.
 */
export class RegEvent<Of extends Watched> {
  readonly #options: WatchOptions<Of>;
  readonly #watches = new WeakMap<Of, Watch<Of>>();

  constructor(options: WatchOptions<Of>) {
    this.#options = options;
  }

  /** Watches a registration unless that is done already. */
  watch(registration: Of): void {
    let watch = this.#watches.get(registration);
    if (watch === undefined) {
      watch = new Watch(this.#options, registration);
      this.#watches.set(registration, watch);
    }
    watch.begin();
  }

  /** The registration is over: what the core still says of it has no listener. */
  unwatch(registration: Of): void {
    this.#watches.get(registration)?.close();
    this.#watches.delete(registration);
  }

  /** Asks the core, by the subscription that it has granted, whether it still knows the registration. */
  async ask(registration: Of): Promise<Memory> {
    return (await this.#watches.get(registration)?.ask()) ?? "unwatched";
  }

  /** True for a NOTIFY to one of this node's subscriptions; where nobody waits for it any more. */
  owns(request: SipRequest): boolean {
    return request.method === "NOTIFY" && request.uri.startsWith(`sip:${contactPrefix}`);
  }
}
