import { trimmed } from "./scan.ts";

/**
 * A header value in octets, from where it begins to where it ends; an end given as its complement tells that it stands on
 * several lines. RFC 3261 §7.3.1: a line end and the white space around it count as one space.
 */
export function valueOf(source: string, from: number, end: number): string {
  if (end >= 0) return source.slice(from, end);
  return source
    .slice(from, ~end)
    .split("\r\n")
    .map((part) => trimmed(part, 0, part.length))
    .filter((part) => part !== "")
    .join(" ");
}
