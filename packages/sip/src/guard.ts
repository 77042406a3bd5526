/** Runs a listener; what it throws goes to `onError` and no further. True if it threw nothing. */
export function guard(run: () => void, onError: ((error: unknown) => void) | undefined): boolean {
  try {
    run();
    return true;
  } catch (error) {
    try {
      onError?.(error);
    } catch {
      // An error listener that throws has nobody left to tell.
    }
    return false;
  }
}
