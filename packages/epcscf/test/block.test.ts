import { parseNameAddr, type ServerTransaction, type SipRequest } from "@portico/sip";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { comeTo, instance, other, registersOf, shared } from "./support/block.ts";
import { Notifier } from "./support/notifier.ts";
import { grant, impu, type Rig } from "./support/rig.ts";
import { Timed } from "./support/timed.ts";
import { until } from "./support/until.ts";

let timed: Timed;
let rig: Rig;
beforeEach(async () => {
  timed = new Timed();
  rig = await timed.open({ shared: () => shared });
});
afterEach(async () => {
  await rig.close();
});

const come = (who?: string, more?: Parameters<typeof comeTo>[2]): ReturnType<typeof comeTo> => comeTo(rig, who, more);

const registers = (): SipRequest[] => registersOf(rig);
const ends = (): SipRequest[] => registers().filter((request) => request.get("Expires") === "0");
const subscribes = (): SipRequest[] => rig.core.got.filter(({ method }) => method === "SUBSCRIBE");

/** Has the core refuse REGISTERs. */
function refuse(status: number, headers: [string, string][] = []): void {
  const granted = grant(rig.core);
  rig.core.answer = (tx: ServerTransaction) =>
    tx.request.method === "REGISTER" ? tx.reply(status, { headers }) : granted(tx);
}

describe("one registration for all", () => {
  test("CHG-02c a user of it has a record of her own, without an ICID: none goes to the core for her", async () => {
    const { leave } = await come();
    await leave();
    const [began, ended] = rig.uses;
    expect(rig.uses).toHaveLength(2);
    expect(began).toMatchObject({ impu, impi: shared.impi, registers: 1 });
    expect(began).not.toHaveProperty("icid");
    expect(ended).toMatchObject({ id: began?.id, registers: 1, end: { reason: "logout" } });
  });

  test("ADM-04a the first user has the set's distinct identity registered, as a trusted node; the next ones find it", async () => {
    await come();
    await come(other);
    expect(registers()).toHaveLength(1);
    const [register] = registers();
    expect([register?.to.uri, register?.from.uri]).toEqual([shared.impu, shared.impu]);
    expect(register?.get("Authorization")).toContain(`username="${shared.impi}"`);
    expect(register?.get("Authorization")).toContain('integrity-protected="auth-done"');
    expect(register?.get("Contact")).toMatch(/;\+sip\.instance="<urn:uuid:[\da-f-]{36}>";reg-id=1;/);
    expect(register?.get("Path")).toContain(";ob>");
    await until(() => subscribes().length === 1);
    expect(subscribes()[0]?.uri).toBe(shared.impu);
    expect([...rig.store.bindings.values()]).toMatchObject([{ ...shared, tenant: "acme", sessionId: "" }]);
  });

  test("ADM-04a users who come at once wait for one REGISTER", async () => {
    const asked: ServerTransaction[] = [];
    const granted = grant(rig.core);
    rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? void asked.push(tx) : granted(tx));
    const both = [come(), come(other)];
    await until(() => rig.node.counts.flows === 2 && asked[0] !== undefined);
    granted(asked[0] as ServerTransaction);
    expect((await Promise.all(both)).map(({ response }) => response.status)).toEqual([200, 200]);
    expect(asked).toHaveLength(1);
    rig.core.answer = granted;
  });

  test("ADM-04a it is refreshed by one timer under one Call-ID, and watched once, whatever its users do", async () => {
    const notifier = new Notifier(rig);
    notifier.expires = 100_000;
    await come(impu, { expires: 3600 });
    await until(() => notifier.dialog);
    await notifier.notify("active", "active", "", shared.impu);
    await timed.pass(1500);
    await come(other, { expires: 3600 });
    await timed.pass(1498);
    expect(registers()).toHaveLength(1);
    await timed.pass(4);
    await until(() => registers().length === 2);
    const [first, second] = registers();
    expect(second?.callId).toBe(first?.callId);
    expect(second?.cseq.number).toBe(2);
    expect(second?.get("Contact")).toBe(first?.get("Contact"));
    expect(subscribes().filter(({ toTag }) => toTag === undefined)).toHaveLength(1);
  });

  test("ADM-04a ADM-04f the last user who leaves has it end in the core, and no row is left", async () => {
    const [one, two] = [await come(), await come(other)];
    expect((await one.leave()).status).toBe(200);
    expect([ends().length, rig.node.counts.registrations]).toEqual([0, 1]);
    expect((await two.leave()).status).toBe(200);
    await until(() => ends().length === 1 && rig.store.bindings.size === 0);
    expect(ends()[0]?.to.uri).toBe(shared.impu);
    expect(rig.node.counts).toMatchObject({ registrations: 0, leftovers: 0 });
    // And who comes after finds it made anew.
    expect((await come()).response.status).toBe(200);
    expect(registers().at(-1)?.get("Expires")).toBe("3600");
  });

  test("ADM-04f at the end of the node it is ended with its users", async () => {
    await come();
    await rig.node.close();
    expect(ends()).toHaveLength(1);
    expect(rig.store.bindings.size).toBe(0);
  });
});

describe("a user", () => {
  test("ADM-04b is answered by the node: her identities, the block's route, and no longer than the block", async () => {
    const { response } = await come(impu, { expires: 7200, seconds: 10_000 });
    expect(response.status).toBe(200);
    expect(response.get("P-Associated-URI")).toBe(`<${impu}>, <tel:+12125550142>`);
    expect(response.list("Service-Route")).toHaveLength(1);
    expect(response.get("Contact")).toMatch(/^<sip:u@k3v9q0d1xm\.invalid;transport=ws>.*;expires=3600/);
    expect([response.get("Require"), response.get("Flow-Timer")]).toEqual(["outbound", "120"]);
    expect(response.toOctets()).not.toContain("company");
    await timed.pass(2000);
    const { response: later } = await come(other, { expires: 7200, seconds: 10_000 });
    expect(parseNameAddr(later.get("Contact") ?? "").params.get("expires")).toBe("1600");
    expect(rig.facts.map(({ impu: of, state }) => `${of} ${state}`)).toEqual([
      `${impu} registered`,
      `${other} registered`,
    ]);
  });

  test("ADM-04b her refresh stays here", async () => {
    const { browser } = await come(impu, { device: 1 });
    const contact = `<sip:u@k3v9q0d1xm.invalid;transport=ws>;reg-id=1;expires=300;+sip.instance="${instance(1)}"`;
    expect((await browser.register(await rig.token({ sub: `p-${impu}` }), { contact })).status).toBe(200);
    expect(registers()).toHaveLength(1);
    expect(rig.node.counts.registrations).toBe(1);
  });

  test("ADM-04b without a token, with one of another site or another's identity she is refused as anybody, and the core hears nothing", async () => {
    const browser = await rig.connect();
    expect((await browser.register(undefined)).status).toBe(401);
    expect((await browser.register(await rig.token({ origins: ["https://other.example"] }))).status).toBe(403);
    expect((await browser.register(await rig.token({ impu: other }))).status).toBe(403);
    rig.suspended.add("acme");
    expect((await browser.register(await rig.token())).status).toBe(401);
    expect(registers()).toHaveLength(0);
  });

  test("ADM-04b her token's end, a revocation and a lost socket end her alone", async () => {
    const { browser: first } = await come(impu, { seconds: 60 });
    await come(other, { sid: "s9", expires: 3600 });
    await timed.pass(62);
    expect((await first.closed).reason).toBe("token-expired");
    const { browser: lost } = await come(impu);
    lost.socket.terminate();
    await until(() => rig.node.registrations().some(({ flow }) => flow === "lost"));
    await timed.pass(34);
    expect(rig.node.counts.registrations).toBe(1);
    expect(rig.facts.findLast(({ state }) => state === "deregistered")).toMatchObject({
      impu,
      reason: "connection-lost",
      confirmed: true,
    });
    expect(ends()).toHaveLength(0);
    rig.revoke({ sessionId: "s9", reason: "test" });
    await until(() => ends().length === 1);
  });
});

describe("the core ends it, or does not answer", () => {
  test("ADM-04e a NOTIFY of its end ends each user with the cause, and who comes again has it made anew", async () => {
    const notifier = new Notifier(rig);
    const { browser: one } = await come();
    const { browser: two } = await come(other);
    await until(() => notifier.dialog);
    await notifier.notify("terminated", "terminated", "", shared.impu);
    expect((await one.closed).reason).toBe("network");
    expect((await two.closed).reason).toBe("network");
    expect(rig.facts.filter(({ state }) => state === "deregistered")).toMatchObject([
      { impu, reason: "network", confirmed: true },
      { impu: other, reason: "network", confirmed: true },
    ]);
    await until(() => rig.store.bindings.size === 0);
    expect(ends()).toHaveLength(0);
    expect((await come()).response.status).toBe(200);
    expect(registers()).toHaveLength(2);
  });

  for (const [status, answered] of [
    [403, 403],
    [404, 404],
    [480, 480],
    [503, 503],
    [500, 500],
    [401, 503],
  ] as const) {
    test(`ADM-04e the core refuses the block with ${status}: the user is answered ${answered} as if it were she, and nothing stays`, async () => {
      refuse(status, [["Retry-After", "7"]]);
      const { response } = await come();
      expect([response.status, response.get("Retry-After")]).toEqual([answered, "7"]);
      rig.core.answer = grant(rig.core);
      await timed.pass(3);
      await until(() => rig.store.bindings.size === 0 && rig.node.counts.leftovers === 0);
      expect((await come()).response.status).toBe(200);
    });
  }

  test("ADM-04e a refresh without an answer is tried again as long as its time lasts; then each user hears that the core is unreachable", async () => {
    const { browser } = await come(impu, { expires: 3600, seconds: 20_000 });
    refuse(500);
    await timed.pass(3001);
    await until(() => registers().length === 2);
    await timed.pass(31);
    await until(() => registers().length === 3);
    expect(rig.node.counts.registrations).toBe(1);
    rig.core.answer = grant(rig.core);
    await timed.pass(31);
    await until(() => registers().length === 4);
    expect((await come(other)).response.status).toBe(200);
    refuse(500);
    await timed.pass(3640);
    expect(["core-unreachable", "expired"]).toContain((await browser.closed).reason);
    expect(rig.node.counts.registrations).toBe(0);
  });

  test("ADM-04e a refresh that is forbidden ends each user, and the binding with them", async () => {
    const { browser } = await come(impu, { expires: 3600 });
    const granted = grant(rig.core);
    rig.core.answer = (tx) =>
      tx.request.method === "REGISTER" && tx.request.get("Expires") !== "0" ? tx.reply(403) : granted(tx);
    await timed.pass(3001);
    expect((await browser.closed).reason).toBe("network");
    await until(() => ends().length === 1 && rig.store.bindings.size === 0);
  });

  test("ADM-04e a refresh that the core grants once it has told the end leaves nothing bound", async () => {
    const notifier = new Notifier(rig);
    notifier.expires = 100_000;
    const { browser } = await come(impu, { expires: 3600, seconds: 20_000 });
    await until(() => notifier.dialog);
    await notifier.notify("active", "active", "", shared.impu);
    const granted = rig.core.answer;
    let late: ServerTransaction | undefined;
    rig.core.answer = (tx) => {
      if (tx.request.method === "REGISTER" && tx.request.get("Expires") !== "0") late = tx;
      else granted(tx);
    };
    await timed.pass(3001);
    const refresh = await until(() => late);
    await notifier.notify("terminated", "terminated", "", shared.impu);
    expect((await browser.closed).reason).toBe("network");
    granted(refresh);
    await until(() => ends().length === 1 && rig.store.bindings.size + rig.node.counts.leftovers === 0);
  });

  test("ADM-04e a refresh whose 200 has no binding ends each user, and what may have been bound", async () => {
    const { browser } = await come(impu, { expires: 3600 });
    const granted = grant(rig.core);
    rig.core.answer = (tx) =>
      tx.request.method === "REGISTER" && tx.request.get("Expires") !== "0"
        ? tx.reply(200, { headers: [["Contact", "<sip:somebody@192.0.2.1>;expires=600"]] })
        : granted(tx);
    await timed.pass(3001);
    expect((await browser.closed).reason).toBe("network");
    await until(() => ends().length === 1 && rig.store.bindings.size === 0);
    expect(rig.alarms).toContain("core.contradiction");
  });
});

/** The process dies, and the next one begins. */
async function restarted(): Promise<Rig> {
  const { store, core } = rig;
  rig.crash();
  return await timed.open({ shared: () => shared, store, core });
}

describe("a crash", () => {
  test("ADM-04f the next process registers it anew under the same Contact for the first user who is back", async () => {
    await come();
    const before = registers()[0];
    const after = await restarted();
    try {
      rig = after;
      expect((await come()).response.status).toBe(200);
      const again = registers().at(-1);
      expect(again?.list("Contact")[0]?.split("@")[0]).toBe(before?.list("Contact")[0]?.split("@")[0]);
      await timed.pass(10);
      expect(ends()).toHaveLength(0);
      expect(after.store.bindings.size).toBe(1);
    } finally {
      await after.close();
    }
  });

  test("ADM-04f nobody comes back: it is de-registered within 10 s", async () => {
    await come();
    const after = await restarted();
    try {
      await timed.pass(6);
      await until(() => ends().length === 1 && after.store.bindings.size === 0);
      expect(ends()[0]?.to.uri).toBe(shared.impu);
    } finally {
      await after.close();
    }
  });
});

test("ADM-04h what another node that is gone has left of the block is ended in the core; this node's own stays", async () => {
  await come();
  const [own] = rig.store.bindings.values();
  if (own === undefined) throw new Error("nothing is stored");
  const dead = { ...own, key: "dead", contact: "<sip:dead@192.0.2.9:5060>;reg-id=1" };
  rig.store.orphans.push(dead);
  await timed.pass(10);
  await until(() => ends().length === 1 && rig.store.bindings.size === 1);
  expect(ends()[0]?.get("Contact")).toContain("sip:dead@192.0.2.9:5060");
  expect([...rig.store.bindings.keys()]).toEqual([own.key]);
  expect([rig.node.counts.registrations, rig.node.counts.leftovers]).toEqual([1, 0]);
  expect(rig.facts.filter(({ state }) => state === "deregistered")).toEqual([]);
  await timed.pass(60);
  expect(ends()).toHaveLength(1);
});

test("a tenant whose block becomes a wildcarded one: its users begin anew", async () => {
  const set: { now: typeof shared | undefined } = { now: undefined };
  await rig.close();
  rig = await timed.open({ shared: () => set.now });
  const { browser, response } = await come(impu, { device: 1 });
  expect(response.status).toBe(200);
  expect(registers().at(-1)?.to.uri).toBe(impu);
  set.now = shared;
  const contact = `<sip:u@k3v9q0d1xm.invalid;transport=ws>;reg-id=1;expires=300;+sip.instance="${instance(1)}"`;
  const again = await browser.register(await rig.token({ sub: `p-${impu}` }), { contact });
  expect([again.status, again.get("Retry-After")]).toEqual([503, "1"]);
  await until(() => ends().some(({ to }) => to.uri === impu));
  expect((await come(impu, { device: 1 })).response.status).toBe(200);
  expect(registers().at(-1)?.to.uri).toBe(shared.impu);
});

const runs = Number(process.env["PORTICO_FUZZ_RUNS"] ?? 12);

test(
  "ADM-04a ADM-04f whatever happens in whatever order, the core has the block exactly as long as somebody needs it",
  async () => {
    const event = fc.oneof(
      fc.record({ type: fc.constant("come" as const), who: fc.nat(3) }),
      fc.record({ type: fc.constant("leave" as const), who: fc.nat(3) }),
      fc.record({ type: fc.constant("revoke" as const), who: fc.nat(3) }),
      fc.record({ type: fc.constant("vanish" as const), who: fc.nat(3) }),
      fc.record({ type: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 3700 }) }),
      fc.record({ type: fc.constant("answer" as const), status: fc.constantFrom(200, 200, 403, 500, 503) }),
      fc.record({ type: fc.constant("lost" as const) }),
      fc.record({ type: fc.constant("network" as const) }),
    );
    await rig.close();
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 3, maxLength: 12 }), async (events) => {
        timed = new Timed();
        rig = await timed.open({ shared: () => shared });
        const home = new Home(rig);
        const sessions = new Map<number, Awaited<ReturnType<typeof come>>>();
        const pending: Promise<unknown>[] = [];
        let sid = 0;
        for (const one of events) {
          if (one.type === "come") {
            const user = come(one.who < 2 ? impu : other, { device: one.who, expires: 3600, sid: `s${(sid += 1)}` });
            pending.push(user.then((value) => sessions.set(one.who, value)));
          } else if (one.type === "leave")
            pending.push(
              sessions
                .get(one.who)
                ?.leave()
                .catch(() => undefined) ?? Promise.resolve(),
            );
          else if (one.type === "revoke") rig.revoke({ impu: one.who < 2 ? impu : other, reason: "test" });
          else if (one.type === "vanish") sessions.get(one.who)?.browser.socket.terminate();
          else if (one.type === "pass") await timed.pass(one.seconds);
          else if (one.type === "answer") home.status = one.status;
          else if (one.type === "lost") home.bound = false;
          else await home.end();
          // Some follow at once, others after what was sent has arrived.
          if (one.type !== "come") await new Promise((resolve) => setImmediate(resolve));
        }
        home.status = 200;
        // Nobody is on her way any more; who is cut off in the middle of a REGISTER hears nothing.
        const under = { way: true };
        void Promise.allSettled(pending).then(() => (under.way = false));
        for (const end = Date.now() + 1000; under.way && Date.now() < end;) await timed.pass(1);
        await timed.pass(180);
        await until(() => {
          const { registrations, leftovers } = rig.node.counts;
          return (
            leftovers === 0 &&
            rig.store.bindings.size === (registrations > 0 ? 1 : 0) &&
            (registrations > 0 || !home.bound)
          );
        });
        await rig.close();
        expect([home.bound, rig.store.bindings.size, rig.node.counts.registrations]).toEqual([false, 0, 0]);
      }),
      { numRuns: runs },
    );
    rig = await timed.open({ shared: () => shared });
    // A bound on hanging.
  },
  20_000 + runs * 1500,
);

/** A registrar for the block alone. */
class Home {
  status = 200;
  bound = false;
  readonly #notifier: Notifier;

  constructor(of: Rig) {
    this.#notifier = new Notifier(of);
    const others = of.core.answer;
    const granted = grant(of.core);
    of.core.answer = (tx) => {
      if (tx.request.method !== "REGISTER") return others(tx);
      const leaves = tx.request.get("Expires") === "0";
      if (this.status !== 200) return tx.reply(this.status);
      this.bound = !leaves;
      return granted(tx);
    };
  }

  /** The network ends it, and says so to whom it may. */
  async end(): Promise<void> {
    if (!this.bound || this.#notifier.dialog === undefined) return;
    const answer = this.#notifier.notify("terminated", "terminated", "", shared.impu);
    this.bound = false;
    await answer.catch(() => undefined);
  }
}
