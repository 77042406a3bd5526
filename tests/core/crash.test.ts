import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { corePackages } from "../kamailio/core.ts";
import { Site } from "../kamailio/site.ts";
import { PortalProcess } from "../lab/support/portalProcess.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { freePort } from "../support/ports.ts";
import { startKamailioTestCore } from "./kamailioCore.ts";
import { configuration, signIn } from "./portalUnderTest.ts";
import type { User } from "./testCore.ts";
import { WebPhone } from "./webPhone.ts";

const missing = needPackages(corePackages);
const users = ["mary", "ken", "olivia"] as const satisfies readonly User[];
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

describe("the portal's process is killed, on Kamailio", () => {
  test.skipIf(missing !== undefined)(
    "ADM-09b EPC-DER-06 within 10 s of the next start no binding is left but of who has come back",
    async () => {
      const core = await startKamailioTestCore();
      cleanups.push(() => core.close());
      const folder = mkdtempSync(join(tmpdir(), "portico-crash-"));
      cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
      const site = await Site.start();
      cleanups.push(() => site.close());
      const port = await freePort();
      const publicUrl = `http://127.0.0.1:${port}`;
      const file = join(folder, "portal.yaml");
      const settings = {
        ...configuration(join(folder, "data"), site, core, "TCP"),
        publicUrl,
        listen: { address: "127.0.0.1", port },
        graceSeconds: 32,
        log: { level: "silent" },
      };
      // YAML takes JSON as it is.
      writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
      let portal = await PortalProcess.start(file);
      cleanups.push(() => portal.end("SIGKILL"));
      site.useWaf(`${publicUrl}/waf`);

      const open = async (user: User): Promise<{ phone: WebPhone; impu: string }> => {
        const { accessToken: token, impu } = await signIn(site, user);
        const phone = await WebPhone.open({
          url: `${publicUrl.replace("http", "ws")}/w2`,
          origin: site.origin,
          identity: { impu, token },
        });
        cleanups.push(() => phone.drop());
        expect((await phone.register()).status).toBe(200);
        return { phone, impu };
      };
      const impus: string[] = [];
      for (const user of users) impus.push((await open(user)).impu);
      const contacts = (): Promise<(readonly string[])[]> => Promise.all(impus.map((impu) => core.contacts(impu)));
      await eventually(contacts, (all) => all.every(({ length }) => length === 1));
      const before = await contacts();

      await portal.end("SIGKILL");
      portal = await PortalProcess.start(file);
      const started = performance.now();
      // As far as the core knows, nothing has happened.
      expect(await contacts()).toEqual(before);
      const mary = await open("mary");
      await eventually(contacts, (all) => all.map(({ length }) => length).join(" ") === "1 0 0");
      expect(performance.now() - started).toBeLessThan(10_000);
      for (const impu of impus.slice(1)) expect(core.assignments(impu).at(-1)).toBe("USER_DEREGISTRATION");
      expect(await core.call(mary.impu)).toBe(603);
      expect(mary.phone.calls).toHaveLength(1);
      expect((await mary.phone.register(0)).status).toBe(200);
      await portal.end("SIGTERM");
      await eventually(contacts, (all) => all.every(({ length }) => length === 0));
    },
    // A bound on hanging: it starts nine processes.
    180_000,
  );
});
