import type { TSchema } from "typebox";

/** What is wrong with a document, and where. */
export interface Problem {
  /** JSON Pointer (RFC 6901) into the document; empty: the whole. */
  readonly path: string;
  /** Goes on after the path: "must be …". */
  readonly problem: string;
}

interface Complaint {
  readonly keyword: string;
  readonly schemaPath: string;
  readonly instancePath: string;
  readonly params: object;
  readonly message: string;
}

/** The complaints of a schema's validator in words, the repetitions left out. */
export function problemsOf(schema: TSchema, complaints: readonly Complaint[]): Problem[] {
  const found = complaints.filter(({ keyword }) => keyword !== "additionalProperties" && keyword !== "anyOf");
  return found.map((complaint) => ({ path: complaint.instancePath, problem: inWords(schema, complaint) }));
}

function inWords(schema: TSchema, { keyword, schemaPath, params, message }: Complaint): string {
  if (keyword === "boolean") return "is no member of it; remove it";
  if (keyword === "required") {
    return `lacks ${(params as { requiredProperties: string[] }).requiredProperties.join(", ")}`;
  }
  const at = schemaAt(schema, schemaPath);
  if (Array.isArray(at?.["enum"])) return `must be one of ${at["enum"].join(", ")}`;
  const wanted = at?.["description"];
  const described = keyword === "pattern" || keyword === "format";
  return described && typeof wanted === "string" ? `must be: ${wanted}` : message;
}

/** @param pointer `#/properties/id/pattern`, or that of the schema itself */
function schemaAt(schema: TSchema, pointer: string): Record<string, unknown> | undefined {
  let at: unknown = schema;
  for (const step of pointer.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    const next = (at as Record<string, unknown> | undefined)?.[name];
    if (typeof next !== "object") break;
    at = next;
  }
  return at as Record<string, unknown> | undefined;
}
