import { endOfText, isSpace, trimmed } from "./scan.ts";

/**
 * The header value that begins at `from`, in octets, of a head whose lines are well-formed. RFC 3261 §7.3.1: the line end before a
 * continuation and the white space around it count as one space.
 */
export function valueFrom(source: string, from: number): string {
  let end = source.indexOf("\r", from);
  if (!isSpace(source.charCodeAt(end + 2))) return source.slice(from, endOfText(source, from, end));
  while (isSpace(source.charCodeAt(end + 2))) end = source.indexOf("\r", end + 2);
  return source
    .slice(from, end)
    .split("\r\n")
    .map((part) => trimmed(part, 0, part.length))
    .filter((part) => part !== "")
    .join(" ");
}
