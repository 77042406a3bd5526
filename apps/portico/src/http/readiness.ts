/** Milliseconds a part may take to answer, and for which its answer holds. */
const patience = 3000;
const holds = 1000;

/** A part that a node cannot serve without; its promise rejects when it does not answer. */
export type Part = () => Promise<unknown>;

/** Whether a node can serve: asked by load balancers, at any rate, and by the figures. */
export class Readiness {
  readonly #parts: Readonly<Record<string, Part>>;
  #asked: { readonly at: number; readonly answer: Promise<Record<string, boolean>> } | undefined;

  constructor(parts: Readonly<Record<string, Part>>) {
    this.#parts = parts;
  }

  /** Which parts answer. However often it is asked, the parts are asked once a second at most. */
  parts(): Promise<Record<string, boolean>> {
    const now = performance.now();
    if (this.#asked === undefined || now - this.#asked.at > holds) this.#asked = { at: now, answer: this.#ask() };
    return this.#asked.answer;
  }

  async #ask(): Promise<Record<string, boolean>> {
    const asked = Object.entries(this.#parts).map(async ([name, part]) => [name, await answers(part)] as const);
    return Object.fromEntries(await Promise.all(asked));
  }
}

async function answers(part: Part): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(resolve, patience, false);
  try {
    return await Promise.race([part().then(() => true), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
