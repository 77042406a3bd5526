import { endOfText, isSpace, trimmed } from "./scan.ts";

/** The CR that ends the line which goes on at `from`, with its continuations, in a head whose lines are well-formed. */
export function endOfFolds(source: string, from: number): number {
  let end = source.indexOf("\r", from);
  while (isSpace(source.charCodeAt(end + 2))) end = source.indexOf("\r", end + 2);
  return end;
}

/**
 * The header value that begins at `from`, in octets. RFC 3261 §7.3.1: the line end before a
 * continuation and the white space around it count as one space.
 */
export function valueFrom(source: string, from: number): string {
  const first = source.indexOf("\r", from);
  if (!isSpace(source.charCodeAt(first + 2))) return source.slice(from, endOfText(source, from, first));
  return source
    .slice(from, endOfFolds(source, first))
    .split("\r\n")
    .map((part) => trimmed(part, 0, part.length))
    .filter((part) => part !== "")
    .join(" ");
}
