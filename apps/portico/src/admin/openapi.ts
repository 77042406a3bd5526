import type { TSchema } from "typebox";
import { access, roles } from "./access.ts";
import type { Endpoint } from "./endpoint.ts";
import { endpoints, tags } from "./endpoints.ts";
import { AdminError, type AdminErrorCode } from "./errors.ts";
import { problemSchema } from "./problem.ts";
import { problemType } from "./problem.ts";

type Json = Record<string, unknown>;

/** Problems any authenticated request may meet. */
const common: readonly AdminErrorCode[] = [
  "unauthenticated",
  "credentials_expired",
  "role_refused",
  "too_many_requests",
  "internal",
  "unavailable",
];

/** The OpenAPI 3.1 document, made of the very schemas that requests are checked with. */
export function openApiDocument(): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const endpoint of endpoints)
    (paths[endpoint.path] ??= {})[endpoint.method.toLowerCase()] = operation(endpoint, components);
  return {
    openapi: "3.1.0",
    info: {
      title: "Portico Admin API",
      version: "1.0.0",
      summary: "Tenants, blocks, identities, live views, usage and audit of a WebRTC portal to IMS.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/admin/v1", description: "The portal's own listener for administration." }],
    security: [{ bearer: [] }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "An API key of this portal, or an access token of the configured OpenID provider.",
        },
      },
      schemas: components.all(),
    },
  };
}

function operation(endpoint: Endpoint, components: Components): Json {
  const { id, tag, summary, description, params, query, body, textType, guard } = endpoint;
  const headers = [
    ...(guard === "version" ? [header("If-Match", "ETag of the version this changes; * for any.", true)] : []),
    ...(guard === "create"
      ? [header("Idempotency-Key", "Names this creation: a repetition gets the answer of the first.", false)]
      : []),
    ...(endpoint.success.types?.includes("text/event-stream") === true
      ? [header("Last-Event-ID", "Id of the last event received: what came after it is sent first.", false)]
      : []),
  ];
  const reach = access[id];
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: [description, `Roles: ${roles.map((role) => `${role} ${reach[role]}`).join(", ")}.`]
      .filter(Boolean)
      .join("\n\n"),
    "x-roles": reach,
    parameters: [...parameters(params, "path", components), ...parameters(query, "query", components), ...headers],
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body, textType, components) } }),
    responses: responses(endpoint, components),
  };
}

function contentOf(body: TSchema, textType: string | undefined, components: Components): Json {
  const text = textType === undefined ? {} : { [textType]: { schema: { type: "string" } } };
  return { "application/json": { schema: components.refer(body) }, ...text };
}

function parameters(schema: TSchema | undefined, place: "path" | "query", components: Components): Json[] {
  if (schema === undefined) return [];
  const { properties, required = [] } = schema as unknown as {
    properties: Record<string, TSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, field]) => {
    const { description, ...rest } = field as TSchema & { description?: string };
    const needed = place === "path" || required.includes(name);
    return { name, in: place, required: needed, description, schema: components.refer(rest) };
  });
}

const header = (name: string, description: string, required: boolean): Json => ({
  name,
  in: "header",
  required,
  description,
  schema: { type: "string", maxLength: 255 },
});

function responses({ success, problems = [], params, query, body, guard }: Endpoint, components: Components): Json {
  const { status, description, body: answer, types = ["application/json"], etag } = success;
  const content = Object.fromEntries(
    types.map((type) => [type, { schema: answer === undefined ? { type: "string" } : components.refer(answer) }]),
  );
  const said: Json = {
    [status]: {
      description,
      ...(status === 204 ? {} : { content }),
      ...(etag === true
        ? { headers: { ETag: { description: "Version of the representation.", schema: { type: "string" } } } }
        : {}),
    },
  };
  const codes = new Set<AdminErrorCode>([
    ...((params ?? query ?? body) === undefined ? [] : (["validation_failed"] as const)),
    ...(params === undefined ? [] : (["not_found"] as const)),
    ...(body === undefined ? [] : (["request_malformed", "body_too_large", "media_type"] as const)),
    ...(guard === "version" ? (["precondition_required", "precondition_failed"] as const) : []),
    ...(guard === "create" ? (["idempotency_busy", "idempotency_mismatch"] as const) : []),
    ...problems,
    ...common,
  ]);
  const byStatus = Map.groupBy(codes, (code) => new AdminError(code).status);
  for (const [number, some] of [...byStatus].toSorted(([a], [b]) => a - b)) {
    said[number] = {
      description: some.map((code) => `${code}: ${new AdminError(code).entry.title}.`).join(" "),
      content: { [problemType]: { schema: components.refer(problemSchema) } },
    };
  }
  return said;
}

/** Schemas with a title become components, and are referred to by name. */
class Components {
  readonly #byName = new Map<string, { schema: string; shown: unknown }>();

  refer(schema: object): unknown {
    return this.#shown(JSON.parse(JSON.stringify(schema)));
  }

  all(): Json {
    const names = [...this.#byName.keys()].toSorted();
    return Object.fromEntries(names.map((name) => [name, this.#byName.get(name)?.shown]));
  }

  #shown(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#shown(item));
    if (typeof value !== "object" || value === null) return value;
    const shown = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.#shown(inner)]));
    // Schemas of the rooms below are named by $id.
    const { $id, ...plain } = shown;
    const title = typeof $id === "string" ? $id : shown["title"];
    // A property may be called title; the title of a schema is a text.
    if (typeof title !== "string") return shown;
    const schema = JSON.stringify(plain);
    const known = this.#byName.get(title);
    if (known !== undefined && known.schema !== schema) throw new Error(`two schemas are called ${title}`);
    this.#byName.set(title, { schema, shown: plain });
    return { $ref: `#/components/schemas/${title}` };
  }
}
