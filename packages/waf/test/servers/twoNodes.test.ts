import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { noPostgres, PostgresServer } from "../../../store/test/postgresServer.ts";
import type { TenantDocument } from "../../src/index.ts";
import { acmeWith, other, World } from "../world.ts";

describe.skipIf(noPostgres !== undefined)(
  `two nodes on one PostgreSQL${noPostgres === undefined ? "" : ` (skipped: ${noPostgres})`}`,
  () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await PostgresServer.start(false);
    });
    afterAll(() => server.stop());

    async function open(acme: TenantDocument): Promise<{ nodes: readonly [World, World]; schema: string }> {
      const schema = server.newSchema();
      const target = { postgres: server.url, schema };
      const one = await World.open({ target, tenants: [acme, other] });
      const two = await World.open({ target, tenants: [acme, other] });
      onTestFinished(async () => {
        await one.close();
        await two.close();
      });
      return { nodes: [one, two], schema };
    }

    test("WWSF-04a WWSF-04d WAF-10 users who sign in at both nodes at once hold one identity each, with a lease for each node", async () => {
      const { nodes, schema } = await open(acmeWith({ count: 8 }));
      const users = Array.from({ length: 8 }, (_, n) => `user${n}`);
      const answers = await Promise.all(
        users.flatMap((user) => nodes.map((node, n) => node.exchange(user, { web_session: `${user} at ${n}` }))),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      const impus = answers.map(({ body }) => body.ims.impu);
      expect(new Set(impus).size).toBe(8);
      for (let n = 0; n < impus.length; n += 2) expect(impus[n]).toBe(impus[n + 1]);
      expect((await nodes[0].exchange("one too many")).body.reason).toBe("block_exhausted");
      expect(await server.query(`select 1 from ${schema}.lease where ended_at is null`)).toHaveLength(16);
    });

    test("of a refresh token used at both nodes at once one good token comes, whatever each is told", async () => {
      const { nodes, schema } = await open(acmeWith({ count: 8 }));
      for (let round = 0; round < 8; round += 1) {
        const { body } = await nodes[0].exchange(`user${round}`);
        await Promise.all(nodes.map((node) => node.refresh(body.refresh_token)));
        const good = await server.query(
          `select r.hash from ${schema}.refresh_token r join ${schema}.lease l on l.id = r.lease_id
           where l.impu = '${body.ims.impu}' and l.ended_at is null and r.rotated_at is null`,
        );
        // None when it counted as stolen: then the session has ended.
        expect(good.length).toBeLessThanOrEqual(1);
      }
    });

    test("WWSF-04c the last two web sessions end at both nodes at once, and the identity goes back", async () => {
      const { nodes, schema } = await open(acmeWith({ count: 8, assignment: "dynamic" }));
      for (let round = 0; round < 8; round += 1) {
        const sessions = await Promise.all(
          nodes.map((node, n) => node.exchange(`user${round}`, { web_session: `${round} at ${n}` })),
        );
        await Promise.all(nodes.map((node, n) => node.revoke(sessions[n]?.body.refresh_token ?? "")));
      }
      expect(await server.query(`select impu from ${schema}.assignment where ended_at is null`)).toEqual([]);
      expect(await server.query(`select impu from ${schema}.block_entry where held_by is not null`)).toEqual([]);
    });
  },
);
