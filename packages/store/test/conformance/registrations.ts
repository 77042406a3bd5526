import { expect, test } from "vitest";
import type { Store, StoredRegistration } from "../../src/index.ts";

const binding = (key: string, sessionId = ""): StoredRegistration => ({
  key,
  impu: "sip:company@acme.ims.test",
  impi: "company.acme@ims.test",
  tenant: "acme",
  sessionId,
  contact: `<sip:${key}@192.0.2.1:5060>;reg-id=1`,
  path: "sip:flow.mac@192.0.2.1:5060;lr;ob",
  grantedUntil: 1_900_000_000_000,
});

export function registrationsTests(open: () => Promise<Store>): void {
  test("ADM-04h what a node that is gone has left of blocks becomes one other's own; users' bindings and those of living nodes stay", async () => {
    const store = await open();
    const { nodes, registrations } = store;
    const node = { adminUrl: undefined };
    await nodes.seen({ ...node, name: "a", seenAt: 5000 });
    await nodes.seen({ ...node, name: "b", seenAt: 5000 });
    await nodes.seen({ ...node, name: "dead", seenAt: 1000 });
    const [block, other, user] = [binding("block"), binding("other"), binding("user", "lease-1")];
    await registrations.save("dead", [block, other, user]);
    await registrations.save("b", [binding("living")]);
    await registrations.save("unknown", [binding("unknown")]);
    // The same Contact of its own: nothing of the dead one's replaces it.
    await registrations.save("a", [other]);
    expect(await registrations.inherit("a", 1000)).toEqual([]);
    const shared = await Promise.all([registrations.inherit("a", 2000), registrations.inherit("b", 2000)]);
    expect(shared.flat().filter(({ key }) => key === "block")).toEqual([block]);
    expect(await registrations.all("dead")).toContainEqual(user);
    const [atA, atB] = [await registrations.all("a"), await registrations.all("b")];
    expect([...atA, ...atB].filter(({ key }) => key === "block")).toEqual([block]);
    expect(atB).toContainEqual(binding("living"));
    expect(await registrations.all("unknown")).toHaveLength(1);
    await store.close();
  });
}
