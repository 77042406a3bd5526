import { type TEnum, type TObject, type TProperties, type TSchema, Type } from "typebox";
import { maxCursor } from "./cursor.ts";

/** Refuses unknown fields. */
export const closed = { additionalProperties: false } as const;

/** An object of known fields; its title is its name in the OpenAPI document. */
export function named<P extends TProperties>(title: string, properties: P, description?: string): TObject<P> {
  return Type.Object(properties, { ...closed, title, ...(description === undefined ? {} : { description }) });
}

export const text = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, ...(description === undefined ? {} : { description }) });
/** An instant, RFC 3339. */
export const instant = (description?: string) =>
  Type.String({ format: "date-time", maxLength: 40, ...(description === undefined ? {} : { description }) });
export function oneOf<const V extends readonly string[]>(values: V, description?: string): TEnum<[...V]> {
  return Type.Enum<[...V]>(values, { type: "string", ...(description === undefined ? {} : { description }) });
}

export const tenantId = Type.String({
  pattern: "^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$",
  maxLength: 32,
  description: "Id of a tenant.",
});
/** Ids the portal makes. */
export const id = (description: string) =>
  Type.String({ pattern: "^[A-Za-z0-9._~@:+-]+$", minLength: 1, maxLength: 255, description });

export const inTenant = Type.Object({ tenant: tenantId }, closed);

/** Query of every list. */
export const paging = {
  cursor: Type.Optional(text(maxCursor, "nextCursor of the page before; absent: the first page.")),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, description: "Items of a page; absent: 100." })),
};
export const defaultLimit = 100;

/** Answer of every list. */
export function pageSchema<S extends TSchema>(title: string, item: S) {
  return named(`${title}Page`, {
    items: Type.Array(item),
    nextCursor: Type.Optional(text(maxCursor, "Where the next page begins; absent: there is none.")),
  });
}

/** An instant as the API writes it. */
export const at = (milliseconds: number): string => new Date(milliseconds).toISOString();
