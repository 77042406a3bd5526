/** What has something to send, which waits for the end of the turn. */
export interface Unsent {
  flush(): void;
}

/** So many at most wait for what else comes in the same turn. */
const mostWaiting = 32;

let waiting: Unsent[] = [];
let atEnd: NodeJS.Immediate | undefined;

/**
 * Sends when all that has come in this turn of the event loop has been handled: what goes to one peer leaves in one write, and a peer that
 * sleeps is woken once for all. To wake it, where it is on the same machine, costs the sender as much as the system call does.
 */
export function flushLater(unsent: Unsent): void {
  // The others: this one may still be putting together what it sends.
  if (waiting.length === mostWaiting) flushAll();
  waiting.push(unsent);
  atEnd ??= setImmediate(flushAll);
}

/** Sends at once what waits. */
export function flushAll(): void {
  clearImmediate(atEnd);
  atEnd = undefined;
  const all = waiting;
  waiting = [];
  for (const unsent of all) unsent.flush();
}
