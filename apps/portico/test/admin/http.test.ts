import { connect } from "node:net";
import { expect, test, vi } from "vitest";
import { Rig } from "./rig.ts";

vi.setConfig({ testTimeout: 20_000 });

test("without credentials nothing is told, not even whether a thing exists", async () => {
  const rig = await Rig.open();
  const answers = await Promise.all(
    ["/node", "/tenants/acme/usage", "/tenants/nobody/usage", "/api-keys/x"].map((path) =>
      rig.ask("GET", path, { key: undefined }),
    ),
  );
  for (const { status, headers, body } of answers) {
    expect([status, body.code]).toEqual([401, "unauthenticated"]);
    expect(headers.get("www-authenticate")).toMatch(/^Bearer /);
  }
});

test("a problem has type, title, status, code, remedy and the request it is about (RFC 9457), and its type can be read", async () => {
  const rig = await Rig.open();
  const { status, headers, body } = await rig.ask("GET", "/tenants/nobody/usage?from=2027-01-01&until=2027-02-01");
  expect(status).toBe(404);
  expect(headers.get("content-type")).toBe("application/problem+json");
  expect(body).toEqual({
    type: "/admin/v1/problems/not_found",
    title: "There is no such thing",
    status: 404,
    code: "not_found",
    remedy: "Look the id up in the list that it comes from.",
    instance: expect.stringMatching(/^urn:uuid:[0-9a-f-]{36}$/),
  });
  const explained = await rig.ask("GET", "/problems/not_found", { key: undefined });
  expect(explained.body).toMatchObject({ code: "not_found", cause: expect.any(String), remedy: body["remedy"] });
  expect((await rig.ask("GET", "/problems/nonsense")).status).toBe(404);
});

test("what does not fit its schema is told with place and reason", async () => {
  const rig = await Rig.open();
  const { status, body } = await rig.ask("POST", "/api-keys", { body: { name: "", role: "king", colour: "red" } });
  expect(status).toBe(400);
  expect(body.code).toBe("validation_failed");
  expect(body.errors).toEqual(
    expect.arrayContaining([
      { in: "body", pointer: "/name", detail: expect.any(String) },
      { in: "body", pointer: "/role", detail: expect.any(String) },
      { in: "body", pointer: "/colour", detail: "is not known here" },
    ]),
  );
  const missing = await rig.ask("POST", "/api-keys", { body: {} });
  expect(missing.body.errors).toContainEqual({ in: "body", pointer: "/role", detail: "is missing" });
  const query = await rig.ask("GET", "/registrations?limit=1.5&limits=3");
  expect(query.body.errors).toEqual(
    expect.arrayContaining([
      { in: "query", pointer: "/limit", detail: expect.any(String) },
      { in: "query", pointer: "/limits", detail: "is not known here" },
    ]),
  );
});

test("broken JSON, another media type, a body too large, a wrong method and an unknown path are problems of their own", async () => {
  const rig = await Rig.open();
  const code = async (...args: Parameters<Rig["ask"]>) => (await rig.ask(...args)).body.code;
  expect(await code("POST", "/api-keys", { body: "{", headers: { "content-type": "application/json" } })).toBe(
    "request_malformed",
  );
  expect(
    await code("POST", "/api-keys", { body: "a=b", headers: { "content-type": "application/x-www-form-urlencoded" } }),
  ).toBe("media_type");
  expect(await code("POST", "/api-keys", { body: { name: "x".repeat(70_000), role: "auditor" } })).toBe(
    "body_too_large",
  );
  expect(
    await code("POST", "/api-keys", {
      body: '{"__proto__":{"role":"operator"}}',
      headers: { "content-type": "application/json" },
    }),
  ).toBe("request_malformed");
  const wrong = await rig.ask("PATCH", "/api-keys");
  expect([wrong.status, wrong.headers.get("allow"), wrong.body.code]).toEqual([405, "GET, POST", "method_unknown"]);
  expect(await code("GET", "/nowhere")).toBe("not_found");
});

test("what is no HTTP, and headers too large, are refused on the socket", async () => {
  const rig = await Rig.open();
  const { port } = new URL(rig.url);
  const say = async (text: string): Promise<string> => {
    const socket = connect(Number(port), "127.0.0.1");
    socket.write(text);
    let heard = "";
    for await (const bytes of socket) heard += String(bytes);
    return heard;
  };
  expect(await say("INVITE sip:u@h SIP/2.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 [^]*"code":"request_malformed"/);
  expect(await say(`GET /admin/v1/node HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431 [^]*"code":"headers_too_large"/,
  );
});

test("callers and failed attempts are bounded in rate, each by themselves", async () => {
  const rig = await Rig.open({ rates: { caller: { burst: 5, perSecond: 1 }, failures: { burst: 3, perSecond: 1 } } });
  const auditor = await rig.keyOf("auditor");
  const statuses = async (key: string, many: number): Promise<number[]> => {
    const seen: number[] = [];
    for (let n = 0; n < many; n += 1) seen.push((await rig.ask("GET", "/me", { key })).status);
    return seen;
  };
  expect(await statuses(rig.operator, 6)).toEqual([200, 200, 200, 200, 200, 429]);
  expect(await statuses(auditor, 1)).toEqual([200]);
  expect(await statuses("portico_nobody", 4)).toEqual([401, 401, 401, 429]);
  // From that address not even good credentials are looked at until its time is over.
  const refused = await rig.ask("GET", "/me", { key: auditor });
  expect([refused.status, Number(refused.headers.get("retry-after"))]).toEqual([429, 1]);
  rig.clock.ahead += 1000;
  expect((await rig.ask("GET", "/me", { key: auditor })).status).toBe(200);
});
