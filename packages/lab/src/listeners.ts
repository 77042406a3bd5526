/** Calls listeners; the exception of one is its own affair and becomes a warning of the process. */
export function tell<T>(listeners: ReadonlySet<T>, call: (listener: T) => void): void {
  for (const listener of listeners) {
    try {
      call(listener);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}
