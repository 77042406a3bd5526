import { TokenError } from "../errors.ts";
import type { Flow } from "../w2/flow.ts";

interface Shown {
  readonly key: string;
  readonly flow: Flow;
}

/** SEC-01: one token is one tab's. A second instance that shows it has it from elsewhere. */
export const inUse = (): TokenError => new TokenError("invalid_token", "the token is in use on another connection");

/** Access tokens that REGISTERs on their way show: of two instances that show one at once, the second is refused. */
export class TokensInUse {
  readonly #shown = new Map<string, Set<Shown>>();

  /**
   * @param key of the registration that is asked for. @returns to be called once the REGISTER has been answered
   * @throws TokenError
   */
  show(tokenId: string, key: string, flow: Flow): () => void {
    const all = this.#shown.get(tokenId) ?? new Set();
    for (const other of all) if (other.key !== key && other.flow.open) throw inUse();
    const one: Shown = { key, flow };
    this.#shown.set(tokenId, all.add(one));
    return () => {
      all.delete(one);
      if (all.size === 0) this.#shown.delete(tokenId);
    };
  }
}
