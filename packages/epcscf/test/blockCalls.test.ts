import { afterEach, beforeEach, expect, test } from "vitest";
import { comeTo, other, registersOf, shared } from "./support/block.ts";
import { binding, dial, fromCore, nextAtBrowser, nextAtCore, ring, sdp, toNode } from "./support/call.ts";
import { grant, impu, type Rig } from "./support/rig.ts";
import { chromiumAnswer } from "./support/sdp.ts";
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
const calledBy = (party: string): [string, string] => ["P-Called-Party-ID", `<${party}>`];
const routeTo = (port: number): string => `<sip:orig@127.0.0.1:${port};transport=tcp;lr>`;

test("ADM-04c an outgoing call asserts her own identity along the block's route; another's that the wildcard stands for is not hers", async () => {
  const { browser } = await come();
  await come(other);
  for (const [preferred, asserted] of [
    [undefined, impu],
    ["tel:+12125550142", "tel:+12125550142"],
    [other, impu],
    [shared.impu, impu],
  ] as const) {
    const incoming = nextAtCore(rig);
    dial(browser, preferred === undefined ? {} : { headers: [["P-Preferred-Identity", `<${preferred}>`]] });
    const far = await incoming;
    expect(far.usage.invite.get("P-Asserted-Identity")).toBe(`<${asserted}>`);
    expect(far.usage.invite.from.uri).toBe(impu);
    expect(far.usage.invite.list("Route")).toEqual([expect.stringContaining("sip:orig@")]);
    far.usage.reject(486);
  }
});

for (const party of [impu, "tel:+12125550142", "sip:+1-212-555-0142@acme.ims.test;user=phone"]) {
  test(`ADM-04d an incoming call for ${party} reaches her`, async () => {
    const { browser } = await come();
    const { browser: second } = await come(other);
    second.answer = (tx) => tx.reply(500);
    const incoming = nextAtBrowser(browser);
    const far = ring(rig, { headers: [calledBy(party)] });
    const near = await incoming;
    near.usage.accept({ headers: [["Contact", "<sip:u@k3v9q0d1xm.invalid>"]], body: sdp(chromiumAnswer()) });
    await until(() => far.accepted !== undefined && near.acks.length > 0);
    expect(far.accepted?.get("P-Asserted-Identity")).toMatch(/u0042|\+12125550142/);
    expect(rig.node.counts.sessions).toBe(1);
    far.usage.bye();
    await until(() => near.ended !== undefined && rig.node.counts.sessions === 0);
  });
}

test("ADM-04d all her devices ring; when one takes the call, the others are told so", async () => {
  const [one, two] = [(await come(impu, { device: 1 })).browser, (await come(impu, { device: 2 })).browser];
  const both = [nextAtBrowser(one), nextAtBrowser(two)];
  const far = ring(rig, { headers: [calledBy(impu)] });
  const [first, second] = await Promise.all(both);
  first?.usage.progress(180);
  second?.usage.progress(180);
  await until(() => far.responses.filter(({ status }) => status === 180).length === 2);
  second?.usage.accept({ headers: [["Contact", "<sip:u@k3v9q0d1xm.invalid>"]], body: sdp(chromiumAnswer()) });
  await until(() => far.accepted !== undefined && first?.cancelled !== undefined);
  expect(first?.cancelled?.get("Reason")).toContain("cause=200");
  await until(() => rig.node.counts.sessions === 1);
  expect(far.rejected).toBeUndefined();
});

test("ADM-04d a refusal counts once all have refused; a caller who gives up ends all", async () => {
  const [one, two] = [(await come(impu, { device: 1 })).browser, (await come(impu, { device: 2 })).browser];
  one.answer = (tx) => tx.reply(tx.request.method === "INVITE" ? 486 : 200);
  two.answer = (tx) => tx.reply(tx.request.method === "INVITE" ? 480 : 200);
  const far = ring(rig, { headers: [calledBy(impu)] });
  await until(() => far.rejected !== undefined);
  expect(far.rejected?.status).toBe(486);
  const both = [nextAtBrowser(one), nextAtBrowser(two)];
  const again = ring(rig, { headers: [calledBy(impu)] });
  const legs = await Promise.all(both);
  for (const { usage } of legs) usage.progress(180);
  await until(() => again.responses.filter(({ status }) => status === 180).length === 2);
  again.usage.end();
  await until(() => legs.every(({ cancelled }) => cancelled !== undefined));
  await until(() => rig.node.counts.sessions === 0 && rig.media.size === 0);
});

test("ADM-04d nobody, nobody here, nobody told or a lost socket: 480 in the same words, never 430", async () => {
  const { browser } = await come();
  const answers: string[] = [];
  for (const headers of [
    [calledBy(other)],
    [calledBy("sip:x@acme.ims.test")],
    [calledBy(shared.impu)],
    [],
    [calledBy("sip:%%@x")],
  ]) {
    const far = ring(rig, { headers });
    const refused = await until(() => far.rejected);
    answers.push(`${refused.status} ${refused.reason}`);
  }
  browser.socket.terminate();
  await until(() => rig.node.registrations().some(({ flow }) => flow === "lost"));
  const far = ring(rig, { headers: [calledBy(impu)] });
  const refused = await until(() => far.rejected);
  answers.push(`${refused.status} ${refused.reason}`);
  expect([...new Set(answers)]).toEqual(["480 Not registered here"]);
});

test("ADM-04d a socket that is lost while her page rings is no flow of the core's: never 430", async () => {
  const { browser } = await come();
  const incoming = nextAtBrowser(browser);
  const far = ring(rig, { headers: [calledBy(impu)] });
  await incoming;
  browser.socket.terminate();
  const refused = await until(() => far.rejected);
  expect([480, 503]).toContain(refused.status);
});

test("ADM-04d only the block's own Path leads to its users", async () => {
  const { browser } = await come();
  let heard = 0;
  browser.answer = (tx) => {
    heard += 1;
    tx.reply(486);
  };
  const { path } = binding(rig);
  const forged = path.replace(/\.[\w-]+@/, ".AAAAAAAAAAAAAAAA@");
  for (const wrong of [forged, `<sip:127.0.0.1:${rig.node.mwPort};lr>`]) {
    const far = ring(rig, { path: wrong, headers: [calledBy(impu)] });
    expect((await until(() => far.rejected)).status).toBe(403);
  }
  expect(heard).toBe(0);
});

test("ADM-04d a message for her goes the same way", async () => {
  const { browser } = await come();
  browser.answer = (tx) => tx.reply(tx.request.method === "MESSAGE" ? 202 : 501);
  const message = fromCore(rig, "MESSAGE", {
    headers: [calledBy(impu)],
    body: { type: "text/plain", text: "hello" },
  });
  expect((await rig.core.agent.send(message, toNode(rig))).status).toBe(202);
});

test("ADM-04e a call that finds the S-CSCF gone has the block registered anew, and the next call goes where the core says then", async () => {
  // Nobody listens at the discard port.
  let to = routeTo(9);
  rig.core.answer = (tx) =>
    tx.reply(200, {
      headers: [
        ["Contact", tx.request.get("Contact") ?? ""],
        ["Service-Route", to],
        ["Expires", "600"],
      ],
    });
  const { browser } = await come(impu, { expires: 3600 });
  to = routeTo(rig.core.endpoint.port);
  const lost = dial(browser);
  expect((await until(() => lost.rejected)).status).toBe(504);
  await until(() => rig.node.registrations(true)[0]?.network?.serviceRoute[0] === to);
  expect(registersOf(rig)).toHaveLength(2);
  const incoming = nextAtCore(rig);
  dial(browser);
  expect((await incoming).usage.invite.get("Route")).toBe(to);
});

test("ADM-04c calls follow the block when a refresh brings another route", async () => {
  const { browser } = await come(impu, { expires: 3600 });
  const granted = grant(rig.core);
  rig.core.answer = (tx) => {
    if (tx.request.method !== "REGISTER") return granted(tx);
    const route = `<sip:moved@127.0.0.1:${rig.core.endpoint.port};transport=tcp;lr>`;
    return tx.reply(200, {
      headers: [
        ["Contact", tx.request.get("Contact") ?? ""],
        ["Service-Route", route],
      ],
    });
  };
  await timed.pass(3001);
  await until(() => rig.node.registrations(true)[0]?.network?.serviceRoute[0]?.includes("moved"));
  const incoming = nextAtCore(rig);
  dial(browser);
  expect((await incoming).usage.invite.get("Route")).toContain("sip:moved@");
});
