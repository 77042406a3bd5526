import { parseNameAddr, parseUri } from "@portico/sip";
import { afterEach, expect, test } from "vitest";
import { binding, dial, nextAtBrowser, nextAtCore, registered, ring } from "./support/call.ts";
import { grant, openRig, ScriptedCore, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Two nodes of one portal: one seal, one core. */
async function twoNodes(): Promise<[Rig, Rig]> {
  const core = await ScriptedCore.open();
  core.answer = grant(core);
  const nodes: [Rig, Rig] = [await openRig({ core }), await openRig({ core })];
  cleanups.push(() => core.close(), ...nodes.map((node) => () => node.close()));
  return nodes;
}

/** Host and port of a Path, Contact or Via. */
const addressOf = (uri: string): string => {
  const { host, port } = parseUri(uri);
  return `${host}:${port}`;
};

test("ADM-09a Path, Contact and Via name the node that owns the flow, so that calls come back to it and ring on its browser", async () => {
  const [one, two] = await twoNodes();
  expect(one.node.mwPort).not.toBe(two.node.mwPort);
  for (const rig of [one, two]) {
    const browser = await registered(rig);
    const own = `127.0.0.1:${rig.node.mwPort}`;
    const { path, contact } = binding(rig);
    const { topVia } = rig.core.last("REGISTER");
    expect([addressOf(parseNameAddr(path).uri), addressOf(contact), `${topVia.host}:${topVia.port}`]).toEqual([
      own,
      own,
      own,
    ]);
    const incoming = nextAtBrowser(browser);
    const far = ring(rig);
    (await incoming).usage.reject(486);
    expect((await until(() => far.rejected)).status).toBe(486);
    const atCore = nextAtCore(rig);
    dial(browser);
    const invite = (await atCore).usage.invite;
    expect(addressOf(parseNameAddr(invite.get("Contact") ?? "").uri)).toBe(own);
    rig.core.answer = grant(rig.core);
  }
});

test("ADM-09a a call that comes to the other node of the portal rings nowhere: 430, and the S-CSCF may try another flow", async () => {
  const [one, two] = await twoNodes();
  const browser = await registered(one);
  const { path, contact } = binding(one);
  const far = ring(two, { path, contact });
  expect((await until(() => far.rejected)).status).toBe(430);
  expect(browser.got.some((message) => "method" in message)).toBe(false);
});
