import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { startLab } from "@portico/lab";
import { expect, onTestFinished, test } from "vitest";
import { violated } from "../../packages/store/test/load/invariants.ts";
import { PostgresServer } from "../../packages/store/test/postgresServer.ts";
import { issuer, PortalNode } from "../nodes/node.ts";
import { ThirdParty } from "../nodes/thirdParty.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { Administration, type TenantDraft } from "./administration.ts";
import { Sessions } from "./sessions.ts";

const long = process.env["PORTICO_FUZZ_RUNS"] !== undefined;
/** How often something is killed: all of them in the long run, else a sample. */
const kills = long ? 50 : 3;
const timeout = long ? 3_600_000 : 240_000;
const missing = needPackages(["postgresql"]);

/** A database under the portal, and how it is looked into. */
interface Base {
  readonly settings: Readonly<Record<string, unknown>>;
  query(sql: string): Promise<unknown[]>;
  /** Undefined: it lives in the portal's own process. */
  readonly server?: PostgresServer;
}

/** What does not hold for sticky identities: they stay with their user when all her web sessions have ended. */
const ofDynamicBlocks = "an entry that nobody uses and nobody gets";

const limits = { tokenRate: { burst: 100_000, perSecond: 10_000 } };

/**
 * Users and an operator do what they do, the portal or its database is killed without a last word and started again, and what was
 * acknowledged is looked for. Again and again, on the same data.
 */
async function killAgainAndAgain(folder: string, base: Base): Promise<{ faults: string[]; acknowledged: number }> {
  const [acme, busy] = [await ThirdParty.create("acme", issuer), await ThirdParty.create("busy", issuer)];
  const subscriptions = Array.from({ length: 12 }, (_, n) => {
    const user = `u${String(n + 1).padStart(4, "0")}`;
    return { impi: `${user}.acme@ims.test`, impu: `sip:${user}@acme.ims.test` };
  });
  const lab = await startLab({ subscriptions, trusted: ["127.0.0.1"] });
  onTestFinished(() => lab.close());
  const node = await PortalNode.start(join(folder, "node"), {
    lab,
    settings: base.settings,
  });
  onTestFinished(() => node.end("SIGKILL"));
  const key = node.adminKey;
  await node.ask(key, "POST", "/tenants", acme.document(12, { limits }));
  const dynamic = { id: "main", domain: "busy.ims.test", count: 20_000, assignment: "dynamic", quarantineSeconds: 0 };
  await node.ask(key, "POST", "/tenants", busy.document(1, { limits, blocks: [dynamic] }));
  const sessions = new Sessions([acme, busy]);
  const administration = new Administration(key, (id, name) => tenantOf(id, name, busy));
  const acknowledged = (): number => sessions.acknowledged + administration.acknowledged;
  const faults: string[] = [];
  const bound = (): number => lab.registrations.flatMap(({ contacts }) => contacts).length;

  for (let kill = 0; kill < kills; kill += 1) {
    const round = new Round();
    const load = new Load([...Array(4).fill(() => sessions.act(node)), () => administration.act(node)]);
    // Work enough to lose, on a machine of any speed, and a moment that nobody has chosen.
    const before = acknowledged();
    await eventually(acknowledged, (count) => count > before + 10, 60_000);
    await wait(Math.random() * 1500);
    const victims = base.server === undefined ? "portal" : (["portal", "database", "both"] as const)[kill % 3];
    await Promise.all([
      victims === "database" ? undefined : node.end("SIGKILL"),
      victims === "portal" ? undefined : base.server?.kill("SIGKILL"),
    ]);
    await load.stop();
    sessions.drop();
    round.passed("load and kill");
    if (victims !== "portal") await base.server?.run();
    if (victims !== "database") await node.run();
    round.passed("start");
    // Bindings of browsers that do not come back: by their grace time, or as orphans of the process before.
    await eventually(bound, (count) => count === 0, 10_000).catch((error: unknown) =>
      faults.push(`orphans: ${String(error)}`),
    );
    round.passed("orphans gone");
    await eventually(
      async () => (await fetch(`${node.url}/ready`)).json() as Promise<{ parts: { database: boolean } }>,
      ({ parts }) => parts.database,
    );
    round.passed("ready");
    await sessions.check(node);
    round.passed("sessions");
    await administration.check(node);
    round.passed("tenants and audit");
    const broken = (await violated((sql) => base.query(sql))).filter((fault) => !fault.startsWith(ofDynamicBlocks));
    round.passed("tables");
    if (long) console.log(`kill ${kill + 1} of ${kills}, ${victims}: ${round.told}`);
    const found = [...broken, ...sessions.faults.splice(0), ...administration.faults.splice(0)];
    faults.push(...found.map((fault) => `after kill ${kill} of ${victims}: ${fault}`));
    if (faults.length > 0) break;
  }
  return { faults, acknowledged: acknowledged() };
}

/** How long the parts of one round took, for who watches a long run. */
class Round {
  readonly #parts: string[] = [];
  #since = performance.now();

  /** @param part what is done now */
  passed(part: string): void {
    const now = performance.now();
    this.#parts.push(`${part} ${((now - this.#since) / 1000).toFixed(1)} s`);
    this.#since = now;
  }

  get told(): string {
    return this.#parts.join(", ");
  }
}

/** Loops that go on until they are told to stop; what a dying process breaks off is nothing. */
class Load {
  #stopping = false;
  readonly #loops: Promise<void>[];

  constructor(acts: readonly (() => Promise<void>)[]) {
    this.#loops = acts.map((act) => this.#loop(act));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#loops);
  }

  async #loop(act: () => Promise<void>): Promise<void> {
    while (!this.#stopping) await act().catch(() => wait(20));
  }
}

/** A tenant of its own, with nothing that is another's. */
function tenantOf(id: string, name: string, like: ThirdParty): TenantDraft {
  const jwks = { keys: [{ ...like.publicKey }] };
  const authentication = { method: "private_key_jwt", jwks };
  return {
    ...like.document(3),
    id,
    name,
    origins: [`https://${id}.test`],
    clients: [{ clientId: `${id}.test`, authentication, subjectTokens: { jwks } }],
    blocks: [{ id: "main", domain: `${id}.ims.test`, count: 3, assignment: "sticky", quarantineSeconds: 0 }],
  };
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "portico-kill-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test(
  `WWSF-04a WWSF-16 ADM-09b a portal killed ${kills} times under mixed load loses nothing it has acknowledged, on SQLite`,
  { timeout },
  async () => {
    const folder = newFolder();
    const result = await killAgainAndAgain(folder, {
      settings: {},
      query: async (sql) => {
        const raw = new DatabaseSync(join(folder, "node/data/portal.sqlite"), { readOnly: true });
        try {
          return raw.prepare(sql).all();
        } finally {
          raw.close();
        }
      },
    });
    expect(result.faults).toEqual([]);
    expect(result.acknowledged).toBeGreaterThan(kills * 10);
  },
);

test.skipIf(missing !== undefined)(
  `WWSF-04a WWSF-16 ADM-09b a portal and its PostgreSQL killed ${kills} times under mixed load lose nothing they have acknowledged`,
  { timeout },
  async () => {
    const server = await PostgresServer.start();
    onTestFinished(() => server.stop());
    const settings = { database: { postgres: server.url }, keySecret: randomBytes(32).toString("hex") };
    const result = await killAgainAndAgain(newFolder(), { settings, server, query: (sql) => server.query(sql) });
    expect(result.faults).toEqual([]);
    expect(result.acknowledged).toBeGreaterThan(kills * 10);
  },
);
