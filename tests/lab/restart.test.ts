import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { startLab, type Lab } from "@portico/lab";
import { blockEntries } from "@portico/waf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/ports.ts";
import { PortalProcess } from "./support/portalProcess.ts";
import { ThirdParty, WebUser } from "./support/webUser.ts";

const registered = async (...users: WebUser[]): Promise<void> => {
  for (const { phone } of users) {
    await eventually(
      () => phone.state,
      (state) => state === "registered",
      30_000,
    );
  }
};

describe("the portal's process dies and another one follows", () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-restart-"));
  const config = join(folder, "portal.yaml");
  let lab: Lab;
  let portal: PortalProcess;
  let mary: WebUser;
  let ken: WebUser;
  let olivia: WebUser;

  beforeAll(async () => {
    const block = {
      id: "main",
      domain: "acme.ims.test",
      numbers: [{ from: "+12125550100" }],
      count: 5,
      assignment: "sticky" as const,
      quarantineSeconds: 60,
    };
    const subscriptions = blockEntries("acme", block, "ims.test").map(({ impi, impu, tel = "" }) => ({
      impi,
      impu,
      tel,
    }));
    lab = await startLab({ trusted: ["127.0.0.1"], subscriptions });
    const [http, mw] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${http}`;
    const site = await ThirdParty.create(`${url}/waf`);
    const { clientId, origin } = ThirdParty;
    const keys = { keys: [site.publicKey] };
    // YAML is a superset of JSON.
    const settings = JSON.stringify({
      publicUrl: url,
      listen: { address: "127.0.0.1", port: http },
      home: {
        domain: "ims.test",
        entryPoint: `sip:${lab.icscf.address}:${lab.icscf.port};transport=tcp`,
        protocol: "TCP",
      },
      mw: { address: "127.0.0.1", port: mw, peers: ["127.0.0.1"] },
      media: {
        access: [{ bind: "127.0.0.1" }],
        accessPort: 0,
        coreAddress: "127.0.0.1",
        corePorts: [44_000, 44_099],
        latchCore: false,
      },
      data: join(folder, "data"),
      accessTokenSeconds: 3600,
      maxExpiresSeconds: 3600,
      graceSeconds: 32,
      emergencyNumbers: ["112"],
      dialPlan: { internationalPrefix: "011" },
      log: { level: "silent" },
      tenants: [
        {
          id: "acme",
          name: "Acme",
          clients: [{ clientId, authentication: { method: "private_key_jwt", jwks: keys } }],
          identityProviders: [{ issuer: origin, jwks: keys, audience: clientId }],
          origins: [origin],
          services: ["voice"],
          blocks: [block],
          state: "active",
        },
      ],
    });
    writeFileSync(config, settings, { mode: 0o600 });
    portal = await PortalProcess.start(config);
    mary = new WebUser(site, "mary");
    ken = new WebUser(site, "ken");
    olivia = new WebUser(site, "olivia");
    for (const { phone } of [mary, ken, olivia]) {
      await eventually(
        () => phone.state,
        (state) => state === "registered",
      );
    }
  });

  afterAll(async () => {
    for (const user of [mary, ken, olivia]) user?.vanish();
    await portal?.end("SIGKILL");
    await lab?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const contacts = (): string[] =>
    lab.registrations.flatMap((user) => user.contacts.map(({ uri }) => uri)).toSorted((a, b) => a.localeCompare(b));
  /** What the dead process has left on disk, seen from outside. */
  const rows = (query: string): unknown[] => {
    const database = new DatabaseSync(join(folder, "data", "portal.sqlite"), { readOnly: true });
    try {
      return database.prepare(query).all();
    } finally {
      database.close();
    }
  };
  test("ADM-09b killed: who comes back keeps her Contact; who has gone is out of the core within 10 s, and her lease is told", async () => {
    const before = contacts();
    expect(before).toHaveLength(3);
    expect(rows("SELECT key FROM registration")).toHaveLength(3);
    await portal.end("SIGKILL");
    olivia.vanish();
    expect(contacts()).toEqual(before);

    portal = await PortalProcess.start(config);
    const ready = performance.now();
    await eventually(
      () => contacts().length,
      (count) => count === 2,
      10_000,
    );
    await eventually(
      () => rows("SELECT id FROM lease WHERE registered_until IS NULL").length,
      (count) => count === 1,
      10_000 - (performance.now() - ready),
    );
    await registered(mary, ken);
    expect(before).toEqual(expect.arrayContaining(contacts()));
    expect(contacts()).toHaveLength(2);
    await eventually(
      () => rows("SELECT key FROM registration").length,
      (count) => count === 2,
    );
    expect(lab.violations).toEqual([]);
  });

  test("EPC-WS-09 told to end: nothing is left in the core or on disk, and the users come back to the next process", async () => {
    const before = contacts();
    await portal.end("SIGTERM");
    expect(contacts()).toEqual([]);
    expect(rows("SELECT key FROM registration")).toEqual([]);
    portal = await PortalProcess.start(config);
    await registered(mary, ken);
    await eventually(contacts, (now) => now.length === 2);
    expect(contacts()).toEqual(before);
    expect(lab.violations).toEqual([]);
  });
});
