import fc from "fast-check";
import { Compile } from "typebox/compile";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Role, roles } from "../../src/admin/access.ts";
import { endpoints } from "../../src/admin/endpoints.ts";
import { problemSchema } from "../../src/admin/problem.ts";
import { arbitraryOf, spoiled } from "./arbitrary.ts";
import { call, registration, Rig } from "./rig.ts";

vi.setConfig({ testTimeout: 300_000 });

/** Of each endpoint; there are many, and each request goes through a real server. */
const numRuns = Math.ceil(Number(process.env["PORTICO_FUZZ_RUNS"] ?? 600) / 50);

type Schema = Readonly<Record<string, unknown>>;
interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: Schema;
}
interface Operation {
  readonly operationId: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}
interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Asked {
  readonly role: Role;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const isProblem = Compile(problemSchema);
const answers = new Map(endpoints.map(({ id, success }) => [id as string, success.body && Compile(success.body)]));
/** Values a real client could have: places where a handler goes on to do something. */
const real: Readonly<Record<string, readonly string[]>> = {
  tenant: ["acme", "acme", "other"],
  id: ["kept-acme", "kept-other"],
  block: ["main"],
  client: ["talk.acme.test", "talk.other.test"],
  impu: ["sip:u0001@acme.ims.test", "sip:u0001@other.ims.test"],
  "If-Match": ["*", '"1"'],
};
// Any character. fast-check's own unit "binary" takes two seconds to prepare.
const unit = fc.nat(0x10ffff).map((code) => String.fromCodePoint(code).toWellFormed());
const junk = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ maxLength: 40, unit }),
  fc.constantFrom("", "..", "%00", "null", "x".repeat(600), "0", "-1"),
);

/** Requests of an operation: right ones, nearly right ones, and junk. */
function asked(path: string, { parameters, requestBody }: Operation, { components }: OpenApi): fc.Arbitrary<Asked> {
  const valueOf = ({ name, schema }: Parameter): fc.Arbitrary<string> =>
    fc.oneof(
      {
        weight: 4,
        arbitrary:
          real[name] === undefined
            ? arbitraryOf(schema, components.schemas).map(String)
            : fc.constantFrom(...real[name]),
      },
      { weight: 1, arbitrary: junk },
    );
  const some = (place: string): fc.Arbitrary<Record<string, string>> =>
    fc.record(Object.fromEntries(parameters.filter((one) => one.in === place).map((one) => [one.name, valueOf(one)])), {
      requiredKeys: parameters
        .filter((one) => one.in === place && (one.in === "path" || one.required))
        .map(({ name }) => name),
    });
  const [[type, { schema }] = ["application/json", { schema: {} }]] = Object.entries(requestBody?.content ?? {});
  const fits = arbitraryOf(schema, components.schemas);
  const body = fc.oneof(
    { weight: 4, arbitrary: fits.map((value) => JSON.stringify(value)) },
    { weight: 4, arbitrary: fits.chain(spoiled).map((value) => JSON.stringify(value) ?? "") },
    { weight: 1, arbitrary: fc.string({ maxLength: 200, unit }) },
  );
  const extra = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), junk, { maxKeys: 1 });
  return fc
    .record({
      role: fc.constantFrom(...roles),
      params: some("path"),
      query: some("query"),
      headers: some("header"),
      body,
      extra,
      spare: fc.boolean(),
    })
    .map(({ role, params, query, headers, extra: more, spare, body: text }) => ({
      role,
      path: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(wellFormed(params[name] ?? "x"))),
      query: Object.fromEntries(
        Object.entries({ ...query, ...(spare ? more : {}) }).map(([name, value]) => [name, wellFormed(value)]),
      ),
      headers: {
        ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, visible(value)])),
        ...(requestBody === undefined ? {} : { "content-type": type }),
      },
      body: requestBody === undefined ? undefined : text,
    }));
}

const wellFormed = (text: string): string => text.toWellFormed();
/** What an HTTP header can hold. */
const visible = (text: string): string => text.replaceAll(/[^\u0021-\u007E]/g, "").slice(0, 1000);

let rig: Rig;
let keys: Record<Role, string>;
let document: OpenApi;

beforeAll(async () => {
  rig = await Rig.open({}, afterAll);
  keys = {
    operator: rig.operator,
    "tenant-admin": await rig.keyOf("tenant-admin"),
    auditor: await rig.keyOf("auditor"),
  };
  document = (await rig.ask("GET", "/openapi.json")).body as unknown as OpenApi;
});

for (const { id, method, path, success } of endpoints) {
  if (success.types?.includes("text/event-stream") === true) continue;
  test(`ADM-06d whatever ${id} is asked, it answers as described: no failure, no leak, no delay`, async () => {
    const operation = document.paths[path]?.[method.toLowerCase()];
    if (operation === undefined) throw new Error(`${id} is not described`);
    await fc.assert(
      fc.asyncProperty(asked(path, operation, document), async ({ role, path: at, query, headers, body }) => {
        for (const tenant of ["acme", "other"]) {
          rig.node.registered.set(`kept-${tenant}`, registration(`kept-${tenant}`, tenant));
          rig.node.calls.set(`kept-${tenant}`, call(`kept-${tenant}`, tenant));
        }
        // Never named in a request: whoever of Acme reads of it has read what is not hers.
        rig.node.registered.set(
          "hidden-other",
          registration("hidden-other", "other", { impu: "sip:u0002@other.ims.test" }),
        );
        rig.node.calls.set("hidden-other", call("hidden-other", "other", { impu: "sip:u0002@other.ims.test" }));
        const suffix = Object.keys(query).length === 0 ? "" : `?${new URLSearchParams(query)}`;
        const begun = performance.now();
        const reply = await rig.ask(method, at + suffix, {
          key: keys[role],
          headers,
          ...(body === undefined ? {} : { body }),
        });
        const fits = reply.status >= 400 ? isProblem : answers.get(id);
        const wrong = reply.status === 204 ? [] : [...(fits?.Errors(reply.body) ?? [])];
        const leak = role === "tenant-admin" && /hidden-other|u0002@other/.test(reply.text);
        const inside = /sqlite|constraint|node_modules|\n\s+at /i.test(reply.text);
        const slow = performance.now() - begun > 10_000;
        const { status, text } = reply;
        expect({ status, text, alarms: rig.alarms, failed: status >= 500, wrong, leak, inside, slow }).toEqual({
          status,
          text,
          alarms: [],
          failed: false,
          wrong: [],
          leak: false,
          inside: false,
          slow: false,
        });
      }),
      { numRuns },
    );
  });
}
