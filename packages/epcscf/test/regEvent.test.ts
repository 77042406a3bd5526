import { VirtualClock } from "@portico/sip/testing";
import { afterEach, expect, test } from "vitest";
import { grant, impu, openRig, ScriptedCore, type Browser, type Rig } from "./support/rig.ts";
import { Notifier } from "./support/notifier.ts";
import { until } from "./support/until.ts";

let rig: Rig;

afterEach(() => rig.close());

async function open(clock?: VirtualClock): Promise<{ notifier: Notifier; browser: Browser; clock: VirtualClock }> {
  const virtual = clock ?? new VirtualClock();
  rig = await openRig({ clock: virtual, wallClock: () => 1_800_000_000_000 + virtual.now() });
  const notifier = new Notifier(rig);
  const browser = await rig.connect();
  return { notifier, browser, clock: virtual };
}

/** Lets the node's time go on, in steps in which the browser answers its pings. */
async function pass(clock: VirtualClock, { socket }: Browser, seconds: number): Promise<void> {
  for (let left = seconds; left > 0; left -= 5) {
    await clock.settle(Math.min(left, 5) * 1000);
    await new Promise<void>((resolve) => {
      socket.once("pong", () => resolve());
      socket.ping();
    });
  }
}

const register = async (browser: Browser): Promise<number> => (await browser.register(await rig.token())).status;

test("EPC-REG-20 one subscription lives through many refreshes of its registration", async () => {
  const { notifier, browser } = await open();
  expect(await register(browser)).toBe(200);
  await until(() => notifier.subscribes.length === 1);
  expect((await notifier.notify("active")).status).toBe(200);
  for (let n = 0; n < 3; n += 1) expect(await register(browser)).toBe(200);
  expect(notifier.subscribes).toHaveLength(1);
});

test("EPC-REG-20 it is prolonged in its dialog and along the recorded route, when it would end", async () => {
  const { notifier, browser, clock } = await open();
  notifier.expires = 100;
  notifier.recordRoute = `<sip:127.0.0.1:${rig.core.endpoint.port};transport=udp;lr>`;
  await register(browser);
  await until(() => notifier.subscribes.length === 1);
  await notifier.notify("active");
  await clock.settle(49_900);
  expect(notifier.subscribes).toHaveLength(1);
  await clock.settle(100);
  const second = await until(() => notifier.subscribes[1]);
  const [first] = notifier.subscribes;
  expect([first?.topVia.protocol, second.topVia.protocol]).toEqual(["TCP", "UDP"]);
  expect(second.callId).toBe(first?.callId);
  expect([second.toTag, second.cseq.number]).toEqual([notifier.dialog?.localTag, 2]);
  expect(second.list("Route")).toEqual([notifier.recordRoute]);
  for (const name of ["Event", "P-Asserted-Identity", "P-Charging-Vector"]) expect(second.has(name)).toBe(true);
  // No NOTIFY follows the 200, as at Kamailio: nothing is amiss.
  await clock.settle(40_000);
  expect(rig.warnings).not.toContain("reg-event.ended");
});

test("EPC-DER-02a an end told by the registration's state alone counts, in a NOTIFY whose subscription stays active", async () => {
  const { notifier, browser } = await open();
  await register(browser);
  await until(() => notifier.subscribes.length === 1);
  await notifier.notify("active");
  expect((await notifier.notify("terminated")).status).toBe(200);
  expect(await browser.closed).toEqual({ code: 4403, reason: "network" });
  expect(rig.facts.at(-1)).toMatchObject({ state: "deregistered", reason: "network", confirmed: true });
  // Whatever still comes is told that nobody listens, so that the core forgets the subscription.
  expect((await notifier.notify("terminated")).status).toBe(481);
  expect(notifier.subscribes).toHaveLength(1);
});

test.each([
  { after: 5, ends: 1 },
  { after: 33, ends: 0 },
])(
  "EPC-DER-02a EPC-DER-06 an end told $after s after a refresh: de-registrations to be sure: $ends, for that NOTIFY may have been lost before it",
  async ({ after, ends }) => {
    const { notifier, browser, clock } = await open();
    await register(browser);
    await until(() => notifier.subscribes.length === 1);
    await notifier.notify("active");
    await pass(clock, browser, 50);
    // What the core has ended, it has bound anew by this.
    await register(browser);
    await pass(clock, browser, after);
    await notifier.notify("terminated");
    expect(await browser.closed).toEqual({ code: 4403, reason: "network" });
    await until(() => rig.facts.at(-1)?.state === "deregistered");
    const registers = rig.core.got.filter(({ method }) => method === "REGISTER");
    expect(registers.filter((request) => request.get("Expires") === "0")).toHaveLength(ends);
    expect(rig.facts.at(-1)).toMatchObject({ reason: "network", confirmed: true });
    expect([rig.store.bindings.size, rig.node.counts.leftovers]).toEqual([0, 0]);
  },
);

test("the end of another contact, or of another identity, is not this registration's", async () => {
  const { notifier, browser } = await open();
  await register(browser);
  await until(() => notifier.subscribes.length === 1);
  const other = `<contact id="c" state="terminated" event="expired"><uri>sip:other@127.0.0.1</uri></contact>`;
  await notifier.notify("active", "active", other);
  await notifier.notify("terminated", "active", "", "sip:u0043@acme.ims.test");
  expect(rig.node.counts.registrations).toBe(1);
  expect(await register(browser)).toBe(200);
});

test("a subscription that is refused is tried again with growing pauses, and by the next refresh at once", async () => {
  const { notifier, browser, clock } = await open();
  notifier.refuse = (tx) => {
    tx.reply(480);
    return true;
  };
  await register(browser);
  await until(() => notifier.subscribes.length === 1);
  await until(() => rig.warnings.includes("reg-event.ended"));
  await clock.settle(4900);
  expect(notifier.subscribes).toHaveLength(1);
  await clock.settle(5100);
  await until(() => notifier.subscribes.length === 2);
  await until(() => rig.warnings.filter((event) => event === "reg-event.ended").length === 2);
  await clock.settle(9900);
  expect(notifier.subscribes).toHaveLength(2);
  notifier.refuse = undefined;
  await register(browser);
  notifier.dialog = undefined;
  await until(() => notifier.subscribes.length === 3);
  // One that was granted begins with the short pause again.
  expect((await notifier.notify("active", "terminated;reason=deactivated")).status).toBe(200);
  await clock.settle(10_000);
  await until(() => notifier.subscribes.length === 4);
});

test("it is asked for longer than the core has granted the registration", async () => {
  const { notifier, browser } = await open();
  const { answer } = rig.core;
  rig.core.answer = (tx) => {
    const [contact = ""] = tx.request.list("Contact");
    if (tx.request.method !== "REGISTER") return answer(tx);
    return tx.reply(200, { headers: [["Contact", contact.replace(/expires=\d+/, "expires=600000")]] });
  };
  await register(browser);
  const asked = await until(() => notifier.subscribes[0]);
  expect(asked.get("Expires")).toBe("600600");
});

test("a subscription that the core ends for its own reasons is made anew; a final refusal is not repeated", async () => {
  const { notifier, browser, clock } = await open();
  await register(browser);
  await until(() => notifier.subscribes.length === 1);
  await notifier.notify("active", "terminated;reason=deactivated");
  notifier.refuse = (tx) => {
    tx.reply(403);
    return true;
  };
  await clock.settle(10_000);
  await until(() => notifier.subscribes.length === 2);
  await until(() => rig.warnings.filter((event) => event === "reg-event.ended").length === 2);
  await clock.settle(30_000);
  expect(notifier.subscribes).toHaveLength(2);
  expect(rig.node.counts.registrations).toBe(1);
});

test("after a log-out neither subscription nor timer is left", async () => {
  const { notifier, browser, clock } = await open();
  // The sweep of registrations, and what keeps the flow.
  const before = clock.pending;
  await register(browser);
  await until(() => notifier.subscribes.length === 1);
  await notifier.notify("active");
  await until(() => clock.pending > before);
  expect((await browser.register(await rig.token(), { expires: 0 })).status).toBe(200);
  // Transactions end by timers of their own.
  await clock.settle(33_000);
  expect(clock.pending).toBeLessThanOrEqual(before);
  expect((await notifier.notify("active")).status).toBe(481);
});

test("the SUBSCRIBE goes to the next I-CSCF when the first is busy", async () => {
  const second = await ScriptedCore.open();
  rig = await openRig({ entryPoint: (core) => [`${core.uri};transport=tcp`, `${second.uri};transport=tcp`] });
  const others = grant(rig.core);
  rig.core.answer = (tx) => (tx.request.method === "SUBSCRIBE" ? tx.reply(503) : others(tx));
  second.answer = grant(second);
  try {
    expect(await register(await rig.connect())).toBe(200);
    await until(() => second.got.length === 1);
    expect(second.last("SUBSCRIBE").uri).toBe(impu);
    expect(rig.warnings).toEqual([]);
  } finally {
    await rig.close();
    await second.close();
  }
});
