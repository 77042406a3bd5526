import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLab, type Lab, type LabOptions } from "@portico/lab";
import { PostgresServer } from "../../packages/store/test/postgresServer.ts";
import { ValkeyServer } from "../../packages/store/test/valkeyServer.ts";
import { PortalNode, type Shared } from "./node.ts";

/** Two portals, processes of their own, on one PostgreSQL, one Valkey or Redis and one core. */
export class NodePair {
  readonly folder: string = mkdtempSync(join(tmpdir(), "portico-nodes-"));
  readonly postgres: PostgresServer;
  readonly valkey: ValkeyServer;
  readonly shared: Shared;
  readonly #nodes: PortalNode[] = [];

  private constructor(postgres: PostgresServer, valkey: ValkeyServer, shared: Shared) {
    this.postgres = postgres;
    this.valkey = valkey;
    this.shared = shared;
  }

  /** @param settings of both nodes, besides what they share */
  static async start(
    subscriptions: LabOptions["subscriptions"],
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<NodePair> {
    const postgres = await PostgresServer.start(false);
    const valkey = await ValkeyServer.start();
    const lab = await startLab({ subscriptions, trusted: ["127.0.0.1"] });
    const common = {
      database: { postgres: postgres.url },
      sharedState: { valkey: valkey.url },
      keySecret: randomBytes(32).toString("hex"),
      ...settings,
    };
    const pair = new NodePair(postgres, valkey, { lab, settings: common });
    // At the same time: one of them makes what there is only one of.
    const start = (name: string): Promise<PortalNode> => PortalNode.start(join(pair.folder, name), pair.shared);
    const started = await Promise.allSettled([start("a"), start("b")]);
    for (const one of started) if (one.status === "fulfilled") pair.#nodes.push(one.value);
    const failed = started.find(({ status }) => status === "rejected");
    if (failed === undefined) return pair;
    await pair.close();
    throw (failed as PromiseRejectedResult).reason;
  }

  get lab(): Lab {
    return this.shared.lab;
  }

  get nodes(): readonly [PortalNode, PortalNode] {
    return this.#nodes as [PortalNode, PortalNode];
  }

  /** The first key of the Admin API: that of the node which was the first to come. */
  get adminKey(): string {
    const [a, b] = this.nodes;
    try {
      return a.adminKey;
    } catch {
      return b.adminKey;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.end("SIGTERM")));
    await this.lab.close();
    await this.valkey.stop();
    await this.postgres.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
