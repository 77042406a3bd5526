/**
 * Polls until the value fits, and gives it. @throws Error that shows the last value. @param within ms; absent: a bound on
 * hanging, which says nothing about speed.
 */
export async function eventually<T>(
  read: () => T | Promise<T>,
  fits: (value: T) => boolean,
  within = 30_000,
): Promise<T> {
  const end = performance.now() + within;
  for (;;) {
    const value = await read();
    if (fits(value)) return value;
    if (performance.now() > end) throw new Error(`not within ${within} ms; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
