import type { ServerTransaction, SipRequest } from "@portico/sip";

/** What a test has a CSCF do with a request in place of its job: answer it, or say nothing. */
export type Interception =
  | { readonly status: number; readonly reason?: string; readonly headers?: [string, string][] }
  | "drop";

/** Looks at a request; undefined lets it pass. */
export type Interceptor = (request: SipRequest, at: "I-CSCF" | "S-CSCF") => Interception | undefined;

/** The interceptors of one lab: how tests make the core fail. */
export class Interceptors {
  readonly #interceptors = new Set<Interceptor>();

  /** @returns ends it */
  add(interceptor: Interceptor): () => void {
    this.#interceptors.add(interceptor);
    return () => this.#interceptors.delete(interceptor);
  }

  /** @returns true when the request has been dealt with */
  takes(tx: ServerTransaction, at: "I-CSCF" | "S-CSCF"): boolean {
    for (const interceptor of this.#interceptors) {
      const interception = interceptor(tx.request, at);
      if (interception === undefined) continue;
      if (interception !== "drop") tx.reply(interception.status, interception);
      return true;
    }
    return false;
  }
}
