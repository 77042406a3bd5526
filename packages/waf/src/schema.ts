import { Type } from "typebox";

/** Members that a schema does not name are refused: a misspelt setting must not be a setting left out. */
export const closed = { additionalProperties: false } as const;

/** Bounds of a short text. */
export const text = { minLength: 1, maxLength: 255 } as const;

export const host = Type.String({
  pattern: "^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
  description: "lower-case host name",
});

export const e164 = Type.String({
  pattern: "^\\+[1-9][0-9]{2,14}$",
  description: "E.164 number with +",
});
