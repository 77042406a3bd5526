import { expect, test } from "vitest";
import type { Store } from "../../src/index.ts";
import { entry } from "../entries.ts";

export function administrationTests(open: () => Promise<Store>): void {
  test("of two who change a tenant at once only one does, and a version is never given twice", async () => {
    const store = await open();
    const { tenants } = store;
    const first = await tenants.insert({ id: "acme", source: "api", document: '{"name":"Acme"}' }, 1);
    expect(await tenants.insert({ id: "acme", source: "file", document: "{}" }, 2)).toBeUndefined();
    expect(await tenants.get("acme")).toEqual({
      id: "acme",
      version: first,
      source: "api",
      document: '{"name":"Acme"}',
      createdAt: 1,
      updatedAt: 1,
    });
    const versions = await Promise.all(
      ["a", "b", "c"].map((name) => tenants.replace("acme", first ?? 0, JSON.stringify({ name }), 3)),
    );
    const [second, ...losers] = versions.filter((version) => version !== undefined);
    expect(losers).toEqual([]);
    expect(await tenants.get("acme")).toMatchObject({ version: second, updatedAt: 3, createdAt: 1 });
    expect(await tenants.remove("acme", first ?? 0)).toBe(false);
    expect(await tenants.remove("acme", second ?? 0)).toBe(true);
    expect(await tenants.replace("acme", second ?? 0, "{}", 4)).toBeUndefined();
    const third = await tenants.insert({ id: "acme", source: "api", document: "{}" }, 5);
    expect(new Set([first, second, third]).size).toBe(3);
    expect((await tenants.all()).map(({ id }) => id)).toEqual(["acme"]);
    await store.close();
  });

  test("each change of tenants, suspensions and blocks is counted, and only with what it changed", async () => {
    const store = await open();
    const counts = (): Promise<Record<string, number>> => store.changes.counts();
    expect(await counts()).toEqual({ tenants: 0, suspensions: 0, blocks: 0 });
    await store.tenants.insert({ id: "acme", source: "api", document: "{}" }, 1);
    await store.suspensions.add("acme", 1);
    await store.suspensions.remove("acme");
    await store.blocks.add([entry(1)]);
    expect(await counts()).toEqual({ tenants: 1, suspensions: 2, blocks: 1 });
    const failing = store.transaction(async ({ tenants }) => {
      await tenants.insert({ id: "other", source: "api", document: "{}" }, 1);
      throw new Error("stop");
    });
    await expect(failing).rejects.toThrow("stop");
    expect(await counts()).toEqual({ tenants: 1, suspensions: 2, blocks: 1 });
    await store.close();
  });

  test("an API key is found by the hash of its secret, and revoked once", async () => {
    const store = await open();
    const key = { id: "k1", hash: "h1", name: "nightly", role: "auditor", tenant: undefined } as const;
    await store.apiKeys.add({ ...key, createdAt: 1, expiresAt: 100 });
    await store.apiKeys.add({ ...key, id: "k2", hash: "h2", tenant: "acme", createdAt: 2, expiresAt: undefined });
    await expect(store.apiKeys.add({ ...key, id: "k3", createdAt: 3, expiresAt: undefined })).rejects.toThrow(
      /unique/i,
    );
    await store.apiKeys.touch("k1", 5);
    expect(await store.apiKeys.ofHash("h1")).toEqual({
      ...key,
      createdAt: 1,
      expiresAt: 100,
      revokedAt: undefined,
      lastUsedAt: 5,
    });
    expect(await store.apiKeys.ofHash("h3")).toBeUndefined();
    expect(await store.apiKeys.revoke("k1", 6)).toBe(true);
    expect(await store.apiKeys.revoke("k1", 7)).toBe(false);
    expect(await store.apiKeys.get("k1")).toMatchObject({ revokedAt: 6 });
    expect((await store.apiKeys.all()).map(({ id }) => id)).toEqual(["k1", "k2"]);
    expect((await store.apiKeys.all("acme")).map(({ id }) => id)).toEqual(["k2"]);
    await store.close();
  });

  test("a request that comes twice at once is done once, and a key that failed can be taken again", async () => {
    const store = await open();
    let done = 0;
    const request = (fail = false): Promise<string | undefined> =>
      store.transaction(async ({ idempotency }) => {
        const former = await idempotency.claim("k1", "once", "hash", 1);
        if (former !== undefined) return former.body;
        if (fail) throw new Error("stop");
        done += 1;
        await idempotency.answer("k1", "once", 201, `answer ${done}`);
        return `answer ${done}`;
      });
    await expect(request(true)).rejects.toThrow("stop");
    expect(await Promise.all([request(), request(), request()])).toEqual(["answer 1", "answer 1", "answer 1"]);
    expect(await store.idempotency.claim("k1", "once", "other", 2)).toEqual({
      requestHash: "hash",
      status: 201,
      body: "answer 1",
      createdAt: 1,
    });
    expect(await store.idempotency.claim("k2", "once", "other", 2)).toBeUndefined();
    // One that was answered is not given back, nor one that somebody else has taken since.
    await store.idempotency.release("k1", "once", 1);
    await store.idempotency.release("k2", "once", 1);
    expect(await store.idempotency.claim("k1", "once", "hash", 2)).toMatchObject({ status: 201 });
    expect(await store.idempotency.claim("k2", "once", "other", 3)).toMatchObject({ createdAt: 2 });
    await store.idempotency.release("k2", "once", 2);
    expect(await store.idempotency.claim("k2", "once", "other", 3)).toBeUndefined();
    await store.idempotency.purge(2);
    expect(await store.idempotency.claim("k1", "once", "hash", 3)).toBeUndefined();
    await store.close();
  });

  test("of nodes that put keys in the place of the same ones, one does, and the others are told", async () => {
    const { keptKeys } = await open();
    expect([await keptKeys.get("a"), await keptKeys.version("a")]).toEqual([undefined, undefined]);
    const first = await Promise.all(["x", "y", "z"].map((sealed) => keptKeys.replace("a", sealed, undefined)));
    expect(first.filter((version) => version !== undefined)).toEqual([1]);
    expect(["x", "y", "z"]).toContain((await keptKeys.get("a"))?.sealed);
    const second = await Promise.all(["u", "v"].map((sealed) => keptKeys.replace("a", sealed, 1)));
    expect(second.filter((version) => version !== undefined)).toEqual([2]);
    expect(await keptKeys.replace("a", "late", 1)).toBeUndefined();
    expect(await keptKeys.get("a")).toEqual({ version: 2, sealed: second[0] === 2 ? "u" : "v" });
    expect(await keptKeys.version("a")).toBe(2);
    expect(await keptKeys.get("b")).toBeUndefined();
  });

  test("nodes are known by what they last said, until they go", async () => {
    const { nodes } = await open();
    const [a, b] = [
      { name: "192.0.2.1:5060", adminUrl: "https://192.0.2.1:8091", seenAt: 1000 },
      { name: "192.0.2.2:5060", adminUrl: undefined, seenAt: 2000 },
    ];
    await nodes.seen(b);
    await nodes.seen(a);
    expect(await nodes.since(0)).toEqual([a, b]);
    expect(await nodes.since(1001)).toEqual([b]);
    await nodes.seen({ ...a, seenAt: 3000 });
    await nodes.remove(b.name);
    expect(await nodes.since(0)).toEqual([{ ...a, seenAt: 3000 }]);
  });
}
