import { AdminError } from "./errors.ts";

/** Place in a list: the sort key of the last item of a page. */
export type Place = readonly (string | number)[];

/** Longest cursor taken, characters. */
export const maxCursor = 1024;

/** An opaque text for the place; only the list that gave it takes it back. */
function cursorAt(list: string, place: Place): string {
  return Buffer.from(JSON.stringify([list, ...place])).toString("base64url");
}

/**
 * The place of a cursor. A cursor a client made itself moves it within the list it may see, and nowhere else.
 * @param like what each part of the place must be
 * @throws AdminError `cursor_invalid`
 */
export function placeOf<const Like extends readonly ("string" | "number")[]>(
  list: string,
  cursor: string | undefined,
  like: Like,
): { readonly [N in keyof Like]: Like[N] extends "string" ? string : number } | undefined {
  if (cursor === undefined) return undefined;
  const parts: unknown = parsed(cursor);
  if (!Array.isArray(parts) || parts.length !== like.length + 1 || parts[0] !== list)
    throw new AdminError("cursor_invalid");
  const place: unknown[] = parts.slice(1);
  const fits = place.every(
    (part, n) => typeof part === like[n] && (typeof part !== "number" || Number.isSafeInteger(part)),
  );
  if (!fits) throw new AdminError("cursor_invalid");
  return place as never;
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

/** A page of at most `limit` of the items found, one more than `limit` having been asked for. */
export function pageOf<Item, Shown>(
  list: string,
  found: readonly Item[],
  limit: number,
  o: { place: (item: Item) => Place; show: (item: Item) => Shown },
): { items: Shown[]; nextCursor?: string } {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const more = found.length > limit && last !== undefined;
  return { items: items.map((item) => o.show(item)), ...(more ? { nextCursor: cursorAt(list, o.place(last)) } : {}) };
}
