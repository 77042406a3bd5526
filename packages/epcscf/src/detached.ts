/** The same text in memory of its own: what is cut out of a message otherwise holds all of the message. */
export function detached(text: string): string {
  return Buffer.from(text).toString();
}

/** The same text without memory of its own: as a part of one that is kept anyway, where it is one. */
export function partOf(kept: string, text: string): string {
  const at = kept.indexOf(text);
  return at < 0 ? detached(text) : kept.slice(at, at + text.length);
}
