import { expect, test } from "vitest";
import { World } from "./world.ts";

const instanceOf = (world: World): string =>
  /urn:uuid:[0-9a-f-]+/.exec(world.last("REGISTER").get("Contact") ?? "")?.[0] ?? "";

test("WIC-05b WIC-05c a reload keeps the instance id; a duplicated tab makes one of its own", async () => {
  const world = new World();
  await world.registered();
  const first = instanceOf(world);
  const stored = new Map(world.storage);

  // The page goes away: its locks with it, its storage stays.
  world.locks.clear();
  await world.registered();
  expect(instanceOf(world)).toBe(first);

  // A duplicated tab starts with a copy of the storage while the lock is held.
  const duplicate = new World(8);
  for (const [key, value] of stored) duplicate.storage.set(key, value);
  for (const lock of world.locks) duplicate.locks.add(lock);
  await duplicate.registered();
  expect(instanceOf(duplicate)).not.toBe(first);
  expect(duplicate.storage).not.toEqual(stored);
});

test("a damaged storage gives a fresh id", async () => {
  const world = new World();
  world.storage.set("portico.instance", "<script>");
  await world.registered();
  expect(instanceOf(world)).toMatch(/^urn:uuid:[0-9a-f]{8}-/);
});
