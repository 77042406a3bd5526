import { expect, test } from "vitest";
import { ConfigError, parseConfig, readConfig } from "../src/config.ts";

const good = `
publicUrl: https://portal.example
listen: { address: 127.0.0.1, port: 0 }
home:
  domain: ims.test
  entryPoint: sip:127.0.0.1:5060
  protocol: TCP
mw: { address: 127.0.0.1, port: 0, peers: [127.0.0.1] }
media:
  access: [{ bind: 127.0.0.1 }]
  accessPort: 0
  coreAddress: 127.0.0.1
  corePorts: [41000, 41099]
  latchCore: false
data: ./data
accessTokenSeconds: 3600
maxExpiresSeconds: 3600
graceSeconds: 32
emergencyNumbers: ["112"]
dialPlan: { internationalPrefix: "00" }
tenants:
  - id: acme
    name: Acme
    clientId: talk.acme.example
    clientJwks: https://talk.acme.example/jwks
    identityProvider: { issuer: https://talk.acme.example/idp, jwks: https://talk.acme.example/idp/jwks, audience: web }
    origins: [https://talk.acme.example]
    services: [voice]
    block: { domain: acme.ims.test, count: 10, assignment: sticky, quarantineSeconds: 60 }
    state: active
`;

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
  expect(tenants[0]).toMatchObject({ id: "acme", services: ["voice"], block: { domain: "acme.ims.test" } });
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
