import { afterAll, beforeAll, expect, test } from "vitest";
import { password, startTestAcme, type TestAcme } from "./support/testAcme.ts";
import { Visitor } from "./support/visitor.ts";

let site: TestAcme;

beforeAll(async () => {
  site = await startTestAcme();
});

afterAll(async () => {
  await site.close();
});

test("a visitor without a session gets the page and nothing else", async () => {
  const visitor = new Visitor(site.acme.url);
  const page = await visitor.fetch("/");
  expect(page.status).toBe(200);
  expect(await page.text()).toContain("<acme-app>");
  for (const path of ["/api/me", "/api/directory", "/api/ims-session"]) {
    const response = await visitor.fetch(path);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: "signed_out", remedy: "Sign in again." });
  }
});

test("GEN-02 sign-in by OpenID Connect asks for an Acme account only", async () => {
  const visitor = new Visitor(site.acme.url);
  await visitor.signIn("mary", password);
  const me = await visitor.fetch("/api/me");
  expect(await me.json()).toMatchObject({ id: "mary", name: "Mary Jones", company: "Acme" });
});
