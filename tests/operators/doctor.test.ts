import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startLab } from "@portico/lab";
import { openStore } from "@portico/store";
import { expect, onTestFinished, test } from "vitest";
import { PostgresServer } from "../../packages/store/test/postgresServer.ts";
import { ValkeyServer } from "../../packages/store/test/valkeyServer.ts";
import { PortalNode } from "../nodes/node.ts";
import { needPackages } from "../support/packages.ts";

const missing = needPackages(["postgresql", "redis-server"]);
const main = fileURLToPath(new URL("../../apps/portico/src/main.ts", import.meta.url));

interface Finding {
  readonly state: string;
  readonly detail: string;
  readonly remedy: string;
}

/** What `portico doctor` finds, by check. */
async function doctor(config: string): Promise<Map<string, readonly Finding[]>> {
  const child = spawn(process.execPath, ["--conditions=source", main, "doctor", config, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = (await child.stdout.setEncoding("utf8").toArray()).join("");
  const { checks } = JSON.parse(said) as { checks: { check: string; findings: Finding[] }[] };
  return new Map(checks.map(({ check, findings }) => [check, findings]));
}

test.skipIf(missing !== undefined)(
  "doctor looks at PostgreSQL, its tables and its clock, and at Valkey or Redis, and says what to do when they are away",
  { timeout: 240_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "portico-doctor-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const postgres = await PostgresServer.start(false);
    onTestFinished(() => postgres.stop());
    const valkey = await ValkeyServer.start();
    onTestFinished(() => valkey.stop());
    const lab = await startLab({ subscriptions: [], trusted: ["127.0.0.1"] });
    onTestFinished(() => lab.close());
    // A name that is found without asking name servers, which a machine may lack.
    const publicUrl = "https://localhost";
    const database = { publicUrl, database: { postgres: postgres.url }, keySecret: randomBytes(32).toString("hex") };
    const settings = { ...database, sharedState: { valkey: valkey.url } };
    const { config } = await PortalNode.prepare(join(folder, "node"), { lab, settings });
    const [version, empty, clocks] = (await doctor(config)).get("database") ?? [];
    expect(version).toMatchObject({
      detail: expect.stringMatching(/^PostgreSQL \d+\.\d+.* answers in [\d.]+ ms$/),
    });
    expect(empty).toMatchObject({ state: "warn", detail: "it has no tables yet" });
    expect(clocks).toMatchObject({ state: "ok", detail: "the clocks agree" });

    await (await openStore({ postgres: postgres.url })).close();
    const full = await doctor(config);
    expect(full.get("database")?.[1]).toMatchObject({ state: "ok", detail: "its tables are up to date" });
    expect(full.get("shared state")).toMatchObject([
      { state: "ok", detail: expect.stringMatching(/^Valkey answers in/) },
    ]);
    await postgres.query("delete from kysely_migration where name = (select max(name) from kysely_migration)");
    expect((await doctor(config)).get("database")?.[1]).toMatchObject({
      state: "warn",
      detail: "its tables lack 1 migrations",
    });

    await valkey.kill();
    await postgres.kill("SIGINT");
    const away = await doctor(config);
    expect(away.get("database")).toMatchObject([{ state: "fail", remedy: "start it, or correct database.postgres" }]);
    expect(away.get("shared state")).toMatchObject([
      { state: "fail", remedy: "start it, or correct sharedState.valkey" },
    ]);

    const alone = await PortalNode.prepare(join(folder, "alone"), { lab, settings: database });
    expect((await doctor(alone.config)).get("shared state")).toMatchObject([{ state: "warn" }]);
  },
);
