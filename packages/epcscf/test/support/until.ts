/** Waits until there is something to return. @throws Error after 15 s, a bound on hanging. */
export async function until<T>(read: () => T | undefined | false): Promise<T> {
  for (const end = Date.now() + 15_000; Date.now() < end;) {
    const value = read();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`nothing came of ${read.toString()}`);
}
