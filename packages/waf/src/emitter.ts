/** Listeners of one kind of event. A listener that throws harms neither the others nor the emitter. */
export class Emitter<Event> {
  readonly #listeners = new Set<(event: Event) => void>();

  /** @returns a function that ends the subscription. */
  on(listener: (event: Event) => void): () => void {
    // A wrapper of its own, so that one function may subscribe twice and each ending ends one.
    const own = (event: Event): void => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  clear(): void {
    this.#listeners.clear();
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch {
        // The listener's own fault; what happened here has happened.
      }
    }
  }
}
