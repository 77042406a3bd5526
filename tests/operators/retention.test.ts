import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "@portico/store";
import { decodeJwt } from "jose";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { Company } from "./company.ts";

const day = 86_400_000;
const start = Date.parse("2027-01-10T09:00:00Z");
const on = (days: number): void => void vi.setSystemTime(start + days * day);

// The calendar alone: timers and sockets go on as ever.
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: start }));
afterEach(() => void vi.useRealTimers());

/** What is known of a user, by all that an operator can ask. */
async function known(company: Company, user: string, { accessToken, impu }: { accessToken: string; impu: string }) {
  const { jti } = decodeJwt(accessToken);
  const body = { issuer: "talk.acme.test", subject: user };
  const told = await company.ask("POST", "/tenants/acme/personal-data/export", body);
  const history = await company.ask("GET", `/tenants/acme/entries/${encodeURIComponent(impu)}/history`);
  const calls = await company.ask("GET", "/tenants/acme/calls");
  return {
    token: (await company.ask("GET", `/tokens/${jti}`)).status === 200,
    person: (JSON.parse(told.text) as { identities: unknown[] }).identities.length > 0 && history.text.includes(user),
    call: calls.text.includes(`call-of-${user}`),
  };
}

/** A call of a user that ended now, as the portal writes it down. */
async function call(folder: string, user: string, impu: string): Promise<void> {
  const store = await openStore({ sqlite: join(folder, "data/portal.sqlite") });
  const [now, id] = [Date.now(), `call-of-${user}`];
  const times = { beganAt: now - 5000, answeredAt: now - 4000, endedAt: now };
  const parties = { impu, impi: "i@ims.test", remote: "tel:+12025550110", direction: "outgoing" } as const;
  const of = { node: "127.0.0.1:5060", tenant: "acme", clientId: "talk.acme.test", icid: id };
  await store.calls.ended({ id, ...of, ...parties, ...times, endedBy: "core", status: 200 });
  await store.close();
}

test("PRV-01b PRV-03 setting retention: what is older is forgotten though nobody uses the portal, what is younger is kept, and the audit verifies", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-retention-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const company = new Company(folder);
  await company.run();
  const mary = await company.pageOf("mary");
  await call(folder, "mary", mary.impu);
  await company.dismiss("mary");
  const checkpoints = (JSON.parse((await company.ask("GET", "/audit/checkpoints")).text) as { items: unknown[] }).items;
  const audit = async (): Promise<unknown> => {
    const { valid, faults } = JSON.parse((await company.ask("POST", "/audit/verify", { checkpoints })).text) as {
      valid: boolean;
      faults: unknown;
    };
    return { valid, faults };
  };
  on(40);
  const lucy = await company.pageOf("lucy");
  await call(folder, "lucy", lucy.impu);
  await company.dismiss("lucy");

  // Without the setting: 90, 365 and 180 days. A sign-in cleans up before it is answered.
  on(61);
  await company.run();
  const ken = await company.pageOf("ken");
  const all = { token: true, person: true, call: true };
  expect(await known(company, "mary", mary)).toEqual(all);
  expect(await known(company, "lucy", lucy)).toEqual(all);

  await company.run({ retention: { tokens: 30, persons: 60, calls: 45 } });
  await expect
    .poll(() => known(company, "mary", mary), { timeout: 10_000 })
    .toEqual({ token: false, person: false, call: false });
  expect(await known(company, "lucy", lucy)).toEqual(all);
  expect(await audit()).toEqual({ valid: true, faults: [] });

  on(71);
  await expect
    .poll(() => known(company, "lucy", lucy), { timeout: 10_000 })
    .toEqual({ token: false, person: true, call: true });
  on(101);
  await expect.poll(async () => (await known(company, "lucy", lucy)).person, { timeout: 10_000 }).toBe(false);
  // Who holds an identity is known as long as she does.
  expect((await known(company, "ken", ken)).person).toBe(true);
  expect(await audit()).toEqual({ valid: true, faults: [] });
});
