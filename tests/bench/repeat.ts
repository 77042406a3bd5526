/** Does a task over and over for about so many ms. @returns how often */
export function repeatFor(ms: number, task: () => void): number {
  const end = performance.now() + ms;
  let count = 0;
  do {
    for (let turn = 0; turn < 10; turn += 1) task();
    count += 10;
  } while (performance.now() < end);
  return count;
}
