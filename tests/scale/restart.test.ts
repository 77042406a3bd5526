import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { createIdentity } from "../bench/agw/identity.ts";
import { openIssuer } from "../bench/edge/access.ts";
import { OctetRegistrar } from "../bench/edge/load/registrar.ts";
import { Refused, Terminal } from "../bench/edge/load/terminal.ts";
import { PorticoEdge } from "../bench/edge/portico.ts";
import { inTurns } from "../bench/edge/scene.ts";

// 5000 in the long run, npm run test:long.
const count = process.env["PORTICO_FUZZ_RUNS"] === undefined ? 500 : 5000;
const atOnce = 100;
/** What the pace of new registrations lets pass in a second, with a burst (see Admission). */
const perSecond = 250;

/** As the SDK does after a loss: connects and registers; comes back after Retry-After and a moment of its own, growing. */
async function comeBack(edge: PorticoEdge, user: number, token: string): Promise<Terminal> {
  for (let most = 1; ; most = Math.min(60, 2 * most)) {
    let terminal: Terminal | undefined;
    let retryAfter = 0;
    try {
      terminal = await Terminal.open(edge.w2(false), user, token);
      await terminal.register();
      return terminal;
    } catch (error) {
      terminal?.close();
      if (error instanceof Refused && error.status === 503) ({ retryAfter } = error);
      // More connections at once than the system keeps for the edge to accept.
      else if (!(error instanceof Error && "code" in error && error.code === "ECONNRESET")) throw error;
    }
    await pause(1000 * (retryAfter + (most / 2) * (1 + Math.random())));
  }
}

test(`EPC-WS-08d WIC-15a ${count} registered sockets on one process: all refresh; after a restart all are back within a minute, at the core's pace`, async () => {
  const core = await OctetRegistrar.open();
  const { jwk, token } = await openIssuer();
  const { cert, key } = (await createIdentity()).dtls;
  const start = (): Promise<PorticoEdge> => PorticoEdge.open({ protocol: "TCP", core: core.port }, { cert, key }, jwk);
  const tokens: string[] = [];
  for (let user = 0; user < count; user += 1) tokens.push(await token(user));
  let edge = await start();
  let terminals: Terminal[] = [];
  const join = async (user: number): Promise<void> => {
    terminals[user] = await comeBack(edge, user, tokens[user] ?? "");
  };
  const refresh = (): Promise<void> => inTurns(count, async (user) => terminals[user]?.register(), atOnce);
  try {
    await inTurns(count, join, atOnce);
    const before = core.registers;
    await refresh();
    expect(core.registers - before).toBe(count);

    await edge.close();
    edge = await start();
    const began = performance.now();
    const counts: number[] = [];
    const watch = setInterval(() => counts.push(core.registers), 1000);
    terminals = await Promise.all(tokens.map((one, user) => comeBack(edge, user, one)));
    clearInterval(watch);
    expect(performance.now() - began).toBeLessThan(60_000);
    const steps = counts.map((now, at) => now - (counts[at - 1] ?? before + count));
    // A timer of a busy machine may come late, so that a second holds more than its own.
    expect(Math.max(0, ...steps)).toBeLessThanOrEqual(2 * perSecond);
    await refresh();
  } finally {
    for (const terminal of terminals) terminal.close();
    await edge.close();
    core.close();
  }
}, 240_000);
