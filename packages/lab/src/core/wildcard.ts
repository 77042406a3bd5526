/**
 * Whether a wildcarded identity stands for one: an extended regular expression between the outermost exclamation marks, the rest word
 * for word (TS 23.003 §13.4A).
 * @param identity as `identityKey` writes it
 */
export function standsFor(wildcard: string, identity: string): boolean {
  const [first, last] = [wildcard.indexOf("!"), wildcard.lastIndexOf("!")];
  if (first === last) return false;
  const [before, pattern, after] = [
    wildcard.slice(0, first),
    wildcard.slice(first + 1, last),
    wildcard.slice(last + 1),
  ];
  const rest = identity.length - before.length - after.length;
  if (rest < 0 || !identity.startsWith(before) || !identity.endsWith(after)) return false;
  const part = identity.slice(before.length, before.length + rest);
  // Only in the user part: what follows it is never the pattern's to take.
  return (after === "" || !part.includes("@")) && new RegExp(`^(?:${pattern})$`, "u").test(part);
}
