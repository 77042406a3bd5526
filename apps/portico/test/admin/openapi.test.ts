import { readFileSync } from "node:fs";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { expect, test, vi } from "vitest";
import { access } from "../../src/admin/access.ts";
import { openApiDocument } from "../../src/admin/openapi.ts";
import { adminApiFile, adminApiText, openApiFile, openApiText } from "../../src/admin/openapiFile.ts";
import { Rig } from "./rig.ts";

vi.setConfig({ testTimeout: 20_000 });

test("ADM-06d the OpenAPI document passes a linter with its recommended rules", async () => {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source: openApiText(), absoluteRef: "openapi.json", config });
  expect(problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer}`)).toEqual([]);
});

test("docs/openapi.json says what the portal serves", async () => {
  const rig = await Rig.open();
  const { body } = await rig.ask("GET", "/openapi.json", { key: undefined });
  expect(JSON.parse(openApiText())).toEqual(body);
  expect(readFileSync(openApiFile, "utf8"), "run: npm run docs").toBe(openApiText());
});

test("the table of docs/admin-api.md is the one the guard goes by", () => {
  expect(readFileSync(adminApiFile, "utf8")).toBe(adminApiText());
});

test("every operation says which role reaches what, as the guard does", () => {
  const { paths } = openApiDocument() as {
    paths: Record<string, Record<string, { operationId: string; "x-roles": unknown }>>;
  };
  const said = Object.values(paths).flatMap((path) => Object.values(path));
  expect(Object.fromEntries(said.map((one) => [one.operationId, one["x-roles"]]))).toEqual(access);
});
