/** The same text in memory of its own: what is cut out of a message otherwise holds all of the message. */
export function detached(text: string): string {
  return Buffer.from(text).toString();
}
