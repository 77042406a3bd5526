import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPortal } from "@portico/portico";
import { openStore } from "@portico/store";
import { expect, onTestFinished, test } from "vitest";
import { Site } from "../kamailio/site.ts";
import { startLabCore } from "./labCore.ts";
import { configuration, signIn } from "./portalUnderTest.ts";
import { WebPhone } from "./webPhone.ts";

const quiet = { info: () => undefined, warn: () => undefined, alarm: () => undefined };

test("CHG-02c who was registered, when, how often renewed and why it ended is in the database once the portal has closed", async () => {
  const core = await startLabCore();
  onTestFinished(() => core.close());
  const folder = mkdtempSync(join(tmpdir(), "portico-records-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const site = await Site.start();
  onTestFinished(() => site.close());
  const portal = await startPortal(configuration(folder, site, core, "TCP"), quiet);
  onTestFinished(() => portal.close());
  site.useWaf(portal.waf.issuer);
  const open = async (user: string): Promise<{ phone: WebPhone; impu: string }> => {
    const { accessToken: token, impu } = await signIn(site, user);
    const url = `${portal.url.replace("http", "ws")}/w2`;
    const phone = await WebPhone.open({ url, origin: site.origin, identity: { impu, token } });
    onTestFinished(() => phone.drop());
    expect((await phone.register()).status).toBe(200);
    return { phone, impu };
  };
  const before = Date.now();
  const [mary, ken] = [await open("mary"), await open("ken")];
  for (const expires of [600, 600, 0]) expect((await mary.phone.register(expires)).status).toBe(200);
  await portal.close();

  const store = await openStore({ sqlite: join(folder, "portal.sqlite") });
  onTestFinished(() => store.close());
  const rows = await store.registrationRecords.page({ tenant: "acme" }, 10);
  const about = rows.map(({ impu, registers, endReason, icid }) => [impu, registers, endReason, icid.length > 10]);
  expect(about).toEqual([
    [ken.impu, 1, "portal-closing", true],
    [mary.impu, 3, "logout", true],
  ]);
  for (const { beganAt, renewedAt, endedAt } of rows) {
    const times = [before, beganAt, renewedAt, endedAt, Date.now()];
    expect(times).toEqual(times.toSorted((one, other) => Number(one) - Number(other)));
  }
});
