import { createHash } from "node:crypto";
import type { Store } from "@portico/store";
import { AdminError } from "./errors.ts";

/** An answer as it is kept for repetitions of its request. */
export interface KeptAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** How long answers are kept, milliseconds. */
const kept = 24 * 3_600_000;
/** After this time a request that was never answered is taken to have died with its process, milliseconds. */
const abandoned = 60_000;
/** Purged once in this time, milliseconds. */
const purgeEvery = 600_000;

/** Idempotent creation: under one key one request is done once, and answered the same again for a day. */
export class IdempotentCreation {
  readonly #store: Pick<Store, "idempotency">;
  readonly #now: () => number;
  #purgedAt = -Infinity;

  constructor(store: Pick<Store, "idempotency">, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /**
   * @param request what must be the same in a repetition
   * @param work its answer is kept; when it throws, the key is free again
   * @param forget what a repetition must not be told, such as a secret
   * @throws AdminError `idempotency_busy`, `idempotency_mismatch`, and what `work` throws
   */
  async once(
    { actor, key, request }: { actor: string; key: string; request: unknown },
    work: () => Promise<KeptAnswer>,
    forget: (answer: KeptAnswer) => KeptAnswer,
  ): Promise<KeptAnswer> {
    const { idempotency } = this.#store;
    await this.#purge();
    const hash = createHash("sha256").update(canonical(request)).digest("base64url");
    const now = this.#now();
    const earlier = await this.#claim(actor, key, hash, now);
    if (earlier !== undefined) return earlier;
    let answer: KeptAnswer;
    try {
      answer = await work();
    } catch (error) {
      await idempotency.release(actor, key, now);
      throw error;
    }
    await idempotency.answer(actor, key, answer.status, JSON.stringify(forget(answer)));
    return answer;
  }

  async #claim(actor: string, key: string, hash: string, now: number): Promise<KeptAnswer | undefined> {
    const { idempotency } = this.#store;
    const former = await idempotency.claim(actor, key, hash, now);
    if (former === undefined) return undefined;
    if (former.status === undefined && now - former.createdAt >= abandoned) {
      // Of several that find it abandoned one takes it; to the others it is busy.
      await idempotency.release(actor, key, former.createdAt);
      if ((await idempotency.claim(actor, key, hash, now)) === undefined) return undefined;
    } else if (former.requestHash !== hash) throw new AdminError("idempotency_mismatch");
    else if (former.body !== undefined) return JSON.parse(former.body) as KeptAnswer;
    throw new AdminError("idempotency_busy", { headers: { "Retry-After": "1" } });
  }

  async #purge(): Promise<void> {
    const now = this.#now();
    if (Math.abs(now - this.#purgedAt) < purgeEvery) return;
    this.#purgedAt = now;
    await this.#store.idempotency.purge(now - kept);
  }
}

/** JSON with the members of objects in one order: the same request may be written in several ways. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
