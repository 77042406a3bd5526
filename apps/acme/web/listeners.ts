/** Those who want to know of one kind of event. One that throws is reported and keeps nobody else from hearing. */
export class Listeners<T = void> {
  readonly #all = new Set<(value: T) => void>();

  /** @returns a function that removes the listener again. */
  add(listener: (value: T) => void): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(value: T): void {
    for (const listener of Array.from(this.#all)) {
      try {
        listener(value);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
