import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SipResponse } from "@portico/sip";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Authority } from "../../packages/transport/test/authority.ts";
import { corePackages, tlsPackages } from "../kamailio/core.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { startKamailioTestCore } from "./kamailioCore.ts";
import { startLabCore } from "./labCore.ts";
import { PortalUnderTest } from "./portalUnderTest.ts";
import { differences, self, subscriptionOf, type CoreName, type TestCore, type User } from "./testCore.ts";
import type { WebPhone } from "./webPhone.ts";

interface Run {
  readonly name: CoreName;
  readonly protocol: "UDP" | "TCP" | "TLS";
  /** Why it cannot be here. */
  readonly missing: string | undefined;
  readonly start: () => Promise<TestCore>;
}
const runs: readonly Run[] = [
  ...(["UDP", "TCP"] as const).flatMap((protocol): Run[] => [
    { name: "lab", protocol, missing: undefined, start: () => startLabCore() },
    { name: "Kamailio", protocol, missing: needPackages(corePackages), start: () => startKamailioTestCore() },
  ]),
  {
    name: "Kamailio",
    protocol: "TLS",
    missing: needPackages(tlsPackages),
    start: async () => await startKamailioTestCore({ tls: await Authority.make() }),
  },
];

const ended = async (phone: WebPhone): Promise<string> => {
  const end = await eventually(
    () => phone.closed,
    (closed) => closed !== undefined,
  );
  return `${end?.code} ${end?.reason}`;
};

/** A final response with what the core has said, if that is why. */
const told = (response: SipResponse): string => [response.status, ...response.all("Reason")].join(" ");

/** The same cases on every core and transport; where cores differ, {@link differences} says so and why. */
describe.each(runs)("registration with $name over $protocol", ({ name, protocol, missing, start }) => {
  const skipped = missing !== undefined;
  let core: TestCore;
  let under: PortalUnderTest;
  /** Registered for a short time at the start, and never again. */
  let olivia: WebPhone;
  const phones: WebPhone[] = [];

  beforeAll(async () => {
    if (skipped) return;
    core = await start();
    under = await PortalUnderTest.start(core, protocol);
    olivia = await under.phone("olivia");
    await olivia.register(differences.leastExpires[name]);
  });
  afterEach(({ task }) => {
    if (task.result?.state === "fail") console.error(core?.logs());
    for (const phone of phones.splice(0)) phone.drop();
  });
  afterAll(async () => {
    await under?.close();
    await core?.close();
  });

  /** What the way to the core proves. */
  const mw = protocol === "TLS" ? "EPC-WS-12c EPC-WS-12d" : "EPC-WS-12a";
  /** For cases that take time and that TLS does not change. */
  const inTheClear = protocol === "TLS" ? [] : [protocol];

  const open = async (user: User): Promise<WebPhone> => {
    const phone = await under.phone(user);
    phones.push(phone);
    return phone;
  };
  const registered = async (user: User): Promise<WebPhone> => {
    const phone = await open(user);
    expect((await phone.register()).status).toBe(200);
    return phone;
  };
  /** Registered, and the portal has its subscription: what the core does from now on, it hears. */
  const watched = async (user: User): Promise<WebPhone> => {
    const before = core.watches(under.impu(user));
    const phone = await registered(user);
    await eventually(
      () => core.watches(under.impu(user)),
      (count) => count > before,
    );
    return phone;
  };
  const boundTo = (impu: string, count: number, within?: number): Promise<readonly string[]> =>
    eventually(
      () => core.contacts(impu),
      (contacts) => contacts.length === count,
      within,
    );
  const bound = (user: User, count: number, within?: number): Promise<readonly string[]> =>
    boundTo(under.impu(user), count, within);

  test.skipIf(skipped)(
    `${mw} EPC-REG-15 a user registers, refreshes and leaves; the HSS is told each, and never asked for a password`,
    async () => {
      const { impu } = subscriptionOf("mary");
      const phone = await registered("mary");
      expect(phone.granted).toBe(differences.grantedOf600[name]);
      expect((await phone.register()).status).toBe(200);
      const [contact] = await bound("mary", 1);
      expect(contact).toMatch(/^sip:[0-9a-f]{26}@/);
      expect((await phone.register(0)).status).toBe(200);
      await bound("mary", 0);
      expect(core.assignments(impu).slice(0, 3)).toEqual(["REGISTRATION", "RE_REGISTRATION", "USER_DEREGISTRATION"]);
      expect(core.commands(impu)).not.toContain("MAR");
      expect(core.featureCaps(impu).slice(0, 3)).toEqual(Array(3).fill("*;+sip.audio"));
    },
  );

  test.skipIf(skipped)("EPC-REG-22 two tabs of one user are two contacts, and one outlives the other", async () => {
    const [first, second] = [await registered("mary"), await registered("mary")];
    await bound("mary", 2);
    expect((await first.register(0)).status).toBe(200);
    await bound("mary", 1);
    expect(await core.call(under.impu("mary"))).toBe(603);
    expect([first.calls.length, second.calls.length]).toEqual([0, 1]);
    expect((await second.register(0)).status).toBe(200);
    await bound("mary", 0);
  });

  test.skipIf(skipped).each(inTheClear)(
    "a socket that is lost for good leaves no contact; the next page of the user gets one",
    async () => {
      (await registered("ken")).drop();
      await bound("ken", 0);
      const phone = await registered("ken");
      await bound("ken", 1);
      expect((await phone.register(0)).status).toBe(200);
    },
  );

  test.skipIf(skipped).each(inTheClear)(
    "an identity that the HSS does not know is refused as the core says it: 403",
    async () => {
      const phone = await open("unknown");
      expect((await phone.register()).status).toBe(403);
      expect(under.portal.epcscf.registrations().map(({ impu }) => impu)).not.toContain(under.impu("unknown"));
    },
  );

  test.skipIf(skipped).each(inTheClear)(
    "a refused server assignment reaches the browser as a refusal, and leaves nothing",
    async () => {
      const phone = await open("refused");
      expect((await phone.register()).status).toBe(differences.sarRejected[name]);
      await bound("refused", 0);
    },
  );

  test.skipIf(skipped).each(inTheClear)(
    "EPC-REG-25a EPC-REG-25b a core that challenges: no challenge for the browser, an alarm for the operator",
    async () => {
      const phone = await open("challenged");
      const response = await phone.register();
      expect(response.status).toBe(503);
      expect(response.has("WWW-Authenticate")).toBe(false);
      expect(response.get("Reason")).toBe("SIP;cause=401");
      expect(under.alarms).toContain("core.challenged-trusted-node");
    },
  );

  test.skipIf(skipped).each(inTheClear)(
    "EPC-REG-24a credentials of one's own: the core's challenge reaches the browser, and its answer the core",
    async () => {
      const phone = await under.ownPhone(self);
      phones.push(phone);
      expect((await phone.register()).status).toBe(401);
      expect((await phone.register()).status).toBe(200);
      await boundTo(self.impu, 1);
      expect(core.commands(self.impu)).toContain("MAR");
      expect(await core.call(self.impu)).toBe(603);
      expect(phone.calls).toHaveLength(1);
      // A core may want a nonce used once only.
      const first = await phone.register(0);
      expect((first.status === 401 ? await phone.register(0) : first).status).toBe(200);
      await boundTo(self.impu, 0);
    },
  );

  test.skipIf(skipped).each(inTheClear)(
    "EPC-REG-17a a Contact made up to be another user's takes none of her calls",
    async () => {
      const victim = await registered("mary");
      const [contact = ""] = await bound("mary", 1);
      const thief = await open("ken");
      expect((await thief.register(600, contact)).status).toBe(200);
      const [own] = await bound("ken", 1);
      expect(own).not.toBe(contact);
      expect(await core.call(under.impu("mary"))).toBe(603);
      expect([victim.calls.length, thief.calls.length]).toEqual([1, 0]);
      for (const phone of [victim, thief]) expect((await phone.register(0)).status).toBe(200);
      expect(await bound("mary", 0)).toEqual([]);
    },
  );

  test.skipIf(skipped)(
    "EPC-REG-20 EPC-DER-02a the HSS ends a registration: the browser learns why, and may come again",
    async () => {
      const phone = await watched("mary");
      await core.terminate(under.impu("mary"));
      expect(await ended(phone)).toBe("4403 network");
      await bound("mary", 0);
      const again = await registered("mary");
      expect((await again.register(0)).status).toBe(200);
    },
  );

  const droppedSets = differences.rtrOfOne[name] === "whole set" ? [subscriptionOf("mary").impu] : [];
  test.skipIf(skipped).each(droppedSets)(
    "the HSS names one identity of the set, %s, and the core drops all: so does the portal",
    async (only) => {
      const phone = await watched("mary");
      await core.terminate(under.impu("mary"), only);
      expect(await ended(phone)).toBe("4403 network");
      await bound("mary", 0);
    },
  );

  // Before the S-CSCF forgets who is registered.
  test.skipIf(skipped).each(inTheClear)(
    "an expiry that nobody refreshes ends at the core and at the portal, which tells the browser",
    async () => {
      expect(olivia.granted).toBeGreaterThan(0);
      expect(await ended(olivia)).toBe("4403 expired");
      await bound("olivia", 0, 20_000);
      const expected = differences.timeoutAssignment[name] ?? "REGISTRATION";
      const type = await eventually(
        () => core.assignments(under.impu("olivia")).at(-1),
        (last) => last === expected,
      );
      expect(type).toBe(expected);
    },
  );

  test.skipIf(skipped)(
    "an S-CSCF that comes back without memory: the next refresh binds anew, and calls arrive",
    async () => {
      const phone = await registered("mary");
      await core.restartScscf();
      expect((await phone.register()).status).toBe(200);
      await bound("mary", 1);
      expect(await core.call(under.impu("mary"))).toBe(603);
      expect(phone.calls).toHaveLength(1);
      expect((await phone.register(0)).status).toBe(200);
      await bound("mary", 0);
    },
  );

  test.skipIf(skipped).each(inTheClear)(
    "the HSS is down: the refusal is told, the socket stays, and all is well once it is back",
    async () => {
      const [phone, late] = [await registered("mary"), await open("ken")];
      await core.stopHss();
      try {
        expect((await late.register()).status).toBe(differences.hssDown[name]);
      } finally {
        await core.startHss();
      }
      // A core's elements find their HSS again in their own time, each by itself.
      const well = async (): Promise<number[]> => [(await late.register()).status, (await phone.register()).status];
      await eventually(well, (statuses) => statuses.every((status) => status === 200), 30_000);
      for (const one of [phone, late]) expect((await one.register(0)).status).toBe(200);
    },
  );

  test.skipIf(skipped)(
    "EPC-REG-18e an I-CSCF is gone: registration, refresh and log-out go by the other one",
    async () => {
      const before = await registered("mary");
      await core.stopIcscf(0);
      try {
        expect(told(await before.register())).toBe("200");
        const phone = await registered("ken");
        expect(told(await phone.register(0))).toBe("200");
      } finally {
        await core.startIcscf(0);
      }
      expect(told(await before.register(0))).toBe("200");
      await bound("mary", 0);
    },
  );

  // Over UDP only timer F tells, after 32 s: packages/epcscf/test/failover.test.ts has that with a virtual clock.
  test.skipIf(skipped).each(protocol === "UDP" ? [] : [protocol])(
    "EPC-REG-18b the core is gone, over %s: 504 and an alarm; it is back: 200",
    async () => {
      const phone = await registered("mary");
      await Promise.all([core.stopIcscf(0), core.stopIcscf(1)]);
      const alarms = under.alarms.length;
      try {
        expect((await phone.register()).status).toBe(504);
        expect(under.alarms.slice(alarms)).toContain("core.unreachable");
      } finally {
        await Promise.all([core.startIcscf(0), core.startIcscf(1)]);
      }
      expect(phone.closed).toBeUndefined();
      expect((await phone.register()).status).toBe(200);
      expect((await phone.register(0)).status).toBe(200);
    },
  );

  test.skipIf(skipped).each(inTheClear)(
    "ADM-02 a suspended tenant's site serves nobody, those with credentials of their own neither",
    async () => {
      const own = await under.ownPhone(self);
      phones.push(own);
      expect((await own.register()).status).toBe(401);
      expect((await own.register()).status).toBe(200);
      const phone = await registered("mary");
      const { tenants } = under.portal.waf;
      await tenants.suspend("acme", { by: "test" });
      try {
        expect([await ended(own), await ended(phone)]).toEqual(["4403 revoked", "4403 revoked"]);
        await bound("mary", 0);
        const again = await under.ownPhone(self);
        phones.push(again);
        const refused = await again.register();
        expect([refused.status, refused.all("WWW-Authenticate").join()]).toEqual([
          401,
          expect.stringMatching(/^Bearer /),
        ]);
      } finally {
        await tenants.resume("acme", { by: "test" });
      }
    },
  );

  test.skipIf(skipped).each(inTheClear)(
    "WAF-04c EPC-REG-07 a token that is encrypted for the portal registers like any other",
    async () => {
      const { tenants } = under.portal.waf;
      const { document } = await tenants.get("acme");
      await tenants.defineFile([{ ...document, encryptedTokens: true }]);
      try {
        const { accessToken } = await under.signIn("mary");
        expect(accessToken.split(".")).toHaveLength(5);
        const phone = await registered("mary");
        await bound("mary", 1);
        expect((await phone.register(0)).status).toBe(200);
        await bound("mary", 0);
      } finally {
        await tenants.defineFile([document]);
      }
    },
  );

  test.skipIf(skipped).each(inTheClear)(
    "EPC-REG-06 ADM-02 identities are taken out of the block: their users are told within 2 s, and nothing is left in the core",
    async () => {
      const [mary, ken, spare] = [await registered("mary"), await registered("ken"), await open("ken")];
      const { waf } = under.portal;
      const { document } = await waf.tenants.get("acme");
      const blocks = document.blocks.map((block) => ({ ...block, count: 1 }));
      const began = performance.now();
      await waf.tenants.defineFile([{ ...document, blocks }]);
      try {
        expect(await ended(ken)).toBe("4403 revoked");
        expect(performance.now() - began).toBeLessThan(2000);
        await bound("ken", 0);
        expect((await spare.register()).status).toBe(401);
        expect((await mary.register()).status).toBe(200);
        expect((await mary.register(0)).status).toBe(200);
      } finally {
        await waf.tenants.defineFile([document]);
      }
    },
  );

  const strangers = [
    { id: "EPC-WS-12c", whose: "the core", files: ["ca"], reason: "self-signed certificate in certificate chain" },
    { id: "EPC-WS-12d", whose: "the portal", files: ["cert", "key"], reason: "tlsv1 alert unknown ca" },
  ] as const;
  test.skipIf(skipped).each(protocol === "TLS" ? strangers : [])(
    "$id $whose shows a certificate of an authority that the other does not know: 504, and the log says why",
    async ({ files, reason }) => {
      const folder = mkdtempSync(join(tmpdir(), "portico-stranger-"));
      const issued = await (await Authority.make()).issue([{ type: "ip", value: core.portal.address }]);
      const own = Object.fromEntries(files.map((file) => [file, join(folder, file)]));
      for (const file of files) writeFileSync(join(folder, file), issued[file], { mode: 0o600 });
      const { address, tls } = core.portal;
      if (tls === undefined) throw new Error("no TLS");
      const portal = { address, port: 0, tls: { ...tls, port: 0, ...own } };
      const stranger = await PortalUnderTest.start({ ...core, portal }, protocol, {});
      try {
        const phone = await stranger.phone("mary");
        expect((await phone.register()).status).toBe(504);
        expect(stranger.alarms).toContain("core.unreachable");
        // Once for each I-CSCF, and again when the portal makes sure that nothing was bound.
        expect(new Set(stranger.unreached)).toEqual(new Set([reason]));
        phone.drop();
      } finally {
        await stranger.close();
        rmSync(folder, { recursive: true });
      }
    },
  );

  test.skipIf(skipped)("nothing is left of all this: no contact, no registration, no socket", async () => {
    await eventually(
      () => under.portal.epcscf.counts,
      ({ flows, registrations, leftovers }) => flows + registrations + leftovers === 0,
    );
    for (const user of ["mary", "ken", "olivia"] as const) expect(await bound(user, 0)).toEqual([]);
  });
});
