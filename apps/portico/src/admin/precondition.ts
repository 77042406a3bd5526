import { AdminError } from "./errors.ts";

/** ETag of a version (RFC 9110 §8.8.3). */
export const etagOf = (version: number | string): string => `"${version}"`;

/**
 * The entity tags of an If-Match or If-None-Match header (RFC 9110 §13.1).
 * @param weak whether weak tags match: not for If-Match, which compares strongly
 * @returns the versions, or "any" for `*`; undefined without the header
 */
export function versionsOf(header: string | undefined, weak: boolean): readonly string[] | "any" | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === "*") return "any";
  const tags = [...header.matchAll(/(W\/)?"([^"]*)"/g)];
  return tags.filter(([, mark]) => weak || mark === undefined).map(([, , tag]) => tag ?? "");
}

/** @throws AdminError `precondition_required` */
export function demandIfMatch(header: string | undefined): readonly string[] | "any" {
  const versions = versionsOf(header, false);
  if (versions === undefined) throw new AdminError("precondition_required");
  return versions;
}

/** @throws AdminError `precondition_failed`, with the ETag of the present version */
export function checkIfMatch(versions: readonly string[] | "any", present: number | string): void {
  if (versions === "any" || versions.includes(String(present))) return;
  throw new AdminError("precondition_failed", { headers: { ETag: etagOf(present) } });
}
