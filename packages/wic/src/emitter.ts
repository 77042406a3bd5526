/** Events of a class by name, each with the tuple of its listeners' arguments. */
export type EventMap = Record<string, readonly unknown[]>;

/**
 * A typed emitter. A listener that throws is reported and never keeps another listener, or the emitting state machine,
 * from going on.
 */
export class Emitter<E extends EventMap> {
  readonly #report: (error: unknown) => void;
  readonly #listeners: { [K in keyof E]?: Set<(...values: E[K]) => void> } = {};

  /** @param report receives what a listener threw */
  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  /** Adds a listener. @returns a function that removes it again; may be called at any time. */
  on<K extends keyof E>(name: K, listener: (...values: E[K]) => void): () => void {
    const set = (this.#listeners[name] ??= new Set());
    set.add(listener);
    return () => set.delete(listener);
  }

  /** Calls every listener of that moment. */
  emit<K extends keyof E>(name: K, ...values: E[K]): void {
    for (const listener of Array.from(this.#listeners[name] ?? [])) {
      try {
        listener(...values);
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
