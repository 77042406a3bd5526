import { expect, test } from "vitest";
import { ConfigError, parseConfig, readConfig } from "../src/config.ts";
import { good } from "./goodConfig.ts";

const complaint = (source: string): string => {
  try {
    parseConfig(source, "portal.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
};

test("GEN-09a a tenant is configuration: who, which block, which services, which keys", () => {
  const { tenants, data } = parseConfig(good, "/etc/portico/portal.yaml");
  expect(tenants[0]).toMatchObject({
    id: "acme",
    clientJwks: "https://talk.acme.example/jwks",
    services: ["voice"],
    block: { domain: "acme.ims.test", count: 10 },
    limits: { sessionsPerUser: 3 },
    contract: { until: "2030-01-01T00:00:00Z" },
  });
  expect(complaint(good.replace("sessionsPerUser: 3", "sessionsPerUser: 0"))).toContain(
    "limits.sessionsPerUser must be",
  );
  expect(data).toBe("/etc/portico/data");
});

test("a wrong value is told with file, line and field", () => {
  expect(complaint(good.replace("graceSeconds: 32", "graceSeconds: soon"))).toMatch(
    /^portal\.yaml:18: graceSeconds must be/,
  );
  expect(complaint(good.replace("count: 10", "count: 0"))).toMatch(
    /^portal\.yaml:29: tenants\.0\.block\.count must be/,
  );
});

test("a setting that does not exist is told by its line", () => {
  expect(complaint(good.replace("data: ./data", "data: ./data\ngraceSecond: 5"))).toBe(
    "portal.yaml:16: graceSecond is no setting of the portal; remove it",
  );
});

test("a missing setting, broken YAML and a missing file are told", () => {
  expect(complaint(good.replace("graceSeconds: 32\n", ""))).toContain("graceSeconds");
  expect(complaint("publicUrl: [")).toMatch(/^portal\.yaml:/);
  expect(() => readConfig("/nowhere/portal.yaml")).toThrow(ConfigError);
});

test("EPC-WS-02b plain http, and with it plain ws, is accepted on localhost only", () => {
  expect(complaint(good.replace("https://portal.example", "http://portal.example"))).toContain("https");
  expect(complaint(good.replace("https://portal.example", "http://localhost:8090"))).toBe("");
});
