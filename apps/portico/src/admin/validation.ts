import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { AdminError, type FieldError } from "./errors.ts";

type Part = FieldError["in"];

/** Fields told of one request: the rest is seldom news. */
const maxErrors = 20;

/**
 * A function that checks one part of a request against its schema. Texts of query and path become the numbers and
 * booleans the schema asks for.
 * @returns the value; throws AdminError `validation_failed`
 */
export function validatorOf(schema: TSchema, part: Part): (value: unknown) => unknown {
  const compiled = Compile(schema);
  return (given) => {
    const value = part === "body" ? given : fromText(schema, given);
    if (compiled.Check(value)) return value;
    throw new AdminError("validation_failed", { fields: fieldErrors(compiled.Errors(value), part) });
  };
}

/** Path and query carry text only: a field the schema calls a number or boolean becomes one when it is written as one. */
function fromText(schema: TSchema, given: unknown): unknown {
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> };
  const entries = Object.entries(given as Record<string, unknown>).map(([name, text]): [string, unknown] => {
    const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined;
    if (typeof text !== "string") return [name, text];
    if (type === "integer" && /^-?\d{1,15}$/.test(text)) return [name, Number(text)];
    if (type === "boolean" && (text === "true" || text === "false")) return [name, text === "true"];
    return [name, text];
  });
  return Object.fromEntries(entries);
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

function fieldErrors(errors: readonly SchemaError[], part: Part): FieldError[] {
  const fields: FieldError[] = [];
  for (const { keyword, instancePath, message, params } of errors) {
    // Those two only repeat what another complaint says more exactly.
    if (keyword === "additionalProperties" || keyword === "anyOf") continue;
    if (keyword === "required") {
      const { requiredProperties } = params as { requiredProperties: string[] };
      for (const name of requiredProperties) {
        fields.push({ in: part, pointer: `${instancePath}/${escaped(name)}`, detail: "is missing" });
      }
    } else {
      const detail = keyword === "boolean" ? "is not known here" : message;
      fields.push({ in: part, pointer: instancePath, detail });
    }
  }
  const unique = new Map(fields.map((field) => [`${field.pointer} ${field.detail}`, field]));
  return [...unique.values()].slice(0, maxErrors);
}

/** RFC 6901 §3. */
const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");
