import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { parseConfig } from "../../src/config/config.ts";
import { startPortal, type Portal } from "../../src/index.ts";
import { good } from "../goodConfig.ts";

vi.setConfig({ testTimeout: 30_000 });

const quiet = { info: () => undefined, warn: () => undefined, alarm: () => undefined };

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "portico-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function portalIn(at: string): Promise<Portal> {
  const source = `${good.replace("https://portal.example", "http://127.0.0.1:0")}\nadmin: { address: 127.0.0.1, port: 0 }\n`;
  const portal = await startPortal(parseConfig(source, join(at, "portal.yaml")), quiet);
  onTestFinished(() => portal.close());
  return portal;
}

test("ADM-06d the portal's first start makes one operator's key, in a file for its owner's eyes; it outlives a restart", async () => {
  const at = folder();
  const file = join(at, "data/admin.key");
  const first = await portalIn(at);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const key = readFileSync(file, "utf8").trim();
  const ask = async ({ adminUrl }: Portal): Promise<unknown> => {
    const response = await fetch(`${adminUrl}/admin/v1/me`, { headers: { authorization: `Bearer ${key}` } });
    return await response.json();
  };
  const me = await ask(first);
  expect(me).toMatchObject({ role: "operator" });
  await first.close();
  const second = await portalIn(at);
  expect(readFileSync(file, "utf8").trim()).toBe(key);
  expect(await ask(second)).toEqual(me);
});

test("the Admin API is on a listener of its own: the public one does not know it", async () => {
  const portal = await portalIn(folder());
  expect(new URL(portal.adminUrl ?? "").port).not.toBe(new URL(portal.url).port);
  expect((await fetch(`${portal.url}/admin/v1/openapi.json`)).status).toBe(404);
  expect((await fetch(`${portal.adminUrl}/admin/v1/openapi.json`)).status).toBe(200);
});
