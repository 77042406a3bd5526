import fc from "fast-check";

type Schema = Readonly<Record<string, unknown>>;

/** Values that fit a schema of the OpenAPI document. */
export function arbitraryOf(schema: Schema, schemas: Readonly<Record<string, Schema>>): fc.Arbitrary<unknown> {
  const of = (inner: unknown): fc.Arbitrary<unknown> => arbitraryOf(inner as Schema, schemas);
  const { $ref, anyOf, const: constant, enum: values, type } = schema;
  if (typeof $ref === "string") return of(schemas[$ref.split("/").at(-1) ?? ""]);
  if (Array.isArray(anyOf)) return fc.oneof(...anyOf.map(of));
  if (constant !== undefined) return fc.constant(constant);
  if (Array.isArray(values)) return fc.constantFrom(...(values as unknown[]));
  switch (type) {
    case "string":
      return text(schema);
    case "integer":
      return fc.integer({
        min: (schema["minimum"] as number) ?? -1000,
        max: (schema["maximum"] as number) ?? 1_000_000,
      });
    case "number":
      return fc.double({
        min: (schema["minimum"] as number) ?? -1000,
        max: (schema["maximum"] as number) ?? 1e6,
        noNaN: true,
      });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array": {
      const minLength = (schema["minItems"] as number) ?? 0;
      const bounds = { minLength, maxLength: Math.min((schema["maxItems"] as number) ?? 3, minLength + 3) };
      return schema["uniqueItems"] === true
        ? fc.uniqueArray(of(schema["items"]), bounds)
        : fc.array(of(schema["items"]), bounds);
    }
    case "object":
      return object(schema, of);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function object(schema: Schema, of: (inner: unknown) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const { properties, patternProperties } = schema as {
    properties?: Record<string, unknown>;
    patternProperties?: Record<string, unknown>;
  };
  if (properties === undefined) {
    const [values] = Object.values(patternProperties ?? { "": {} });
    return fc.dictionary(fc.string({ maxLength: 10 }), of(values), { maxKeys: 3 });
  }
  const fields = Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, of(inner)]));
  return fc.record(fields, { requiredKeys: (schema["required"] as string[]) ?? [] });
}

function text(schema: Schema): fc.Arbitrary<string> {
  const {
    pattern,
    format,
    minLength = 0,
    maxLength = 60,
  } = schema as { pattern?: string; format?: string; minLength?: number; maxLength?: number };
  if (typeof pattern === "string")
    return fc.stringMatching(new RegExp(pattern.replaceAll(/\(\?[=!][^)]*\)/g, "")), {
      maxLength: Math.min(maxLength, 60),
    });
  const years = { min: new Date("2020-01-01T00:00:00Z"), max: new Date("2040-01-01T00:00:00Z"), noInvalidDate: true };
  if (format === "date-time") return fc.date(years).map((date) => date.toISOString());
  if (format === "date") return fc.date(years).map((date) => date.toISOString().slice(0, 10));
  // fast-check's own web addresses take two seconds to prepare, as its unit "binary" does.
  if (format === "uri")
    return fc.stringMatching(/^https:\/\/[a-z]{1,12}\.test(:[1-9]\d{0,3})?(\/[\w.~-]{0,12}){0,3}(\?[\w=&]{0,12})?$/);
  return fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 40), unit: "grapheme" });
}

/** A value that does not fit, or fits only here and there: one member of an object is gone, more, or something else. */
export function spoiled(value: unknown): fc.Arbitrary<unknown> {
  const junk = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom<unknown>(null, [], {}, "", -1, 1e308, "\0", "../..", "x".repeat(3000)),
  );
  if (typeof value !== "object" || value === null || Array.isArray(value)) return junk;
  const members = Object.entries(value);
  const index = fc.nat({ max: members.length });
  return fc.oneof(
    { weight: 1, arbitrary: junk },
    {
      weight: 3,
      arbitrary: fc
        .tuple(index, junk)
        .map(([n, other]) => Object.fromEntries(members.map(([name, old], at) => [name, at === n ? other : old]))),
    },
    { weight: 2, arbitrary: index.map((n) => Object.fromEntries(members.filter((_, at) => at !== n))) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.string({ maxLength: 20 }), junk)
        .map(([name, more]) => Object.fromEntries([...members, [name, more]])),
    },
  );
}
