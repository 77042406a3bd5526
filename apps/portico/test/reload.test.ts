import { expect, test } from "vitest";
import { changesBetween, Reload } from "../src/reload.ts";
import { parseConfig } from "../src/index.ts";
import { good } from "./goodConfig.ts";

const config = (change: (source: string) => string) => parseConfig(change(good), "/etc/portico/portal.yaml", {});

test("changes are named by the smallest setting that differs", () => {
  const changed = config((source) =>
    source.replace("graceSeconds: 32", "graceSeconds: 9").replace("port: 0, peers", "port: 1, peers"),
  );
  expect(changesBetween(config(String), changed)).toEqual(expect.arrayContaining(["mw.port", "graceSeconds"]));
  expect(changesBetween(config(String), config(String))).toEqual([]);
});

test("ADM-08b what can change at run time is put in force, once, and what cannot is named until it is undone", async () => {
  const levels: unknown[] = [];
  const reload = new Reload(config(String), { "log.level": (next) => levels.push(next.log?.level) > 0 });
  const next = config((source) => `${source}\nlog: { level: warn }`.replace("graceSeconds: 32", "graceSeconds: 9"));
  expect(await reload.to(next)).toEqual({ applied: ["log.level"], restart: ["graceSeconds"] });
  expect(await reload.to(next)).toEqual({ applied: [], restart: ["graceSeconds"] });
  expect(await reload.to(config((source) => `${source}\nlog: { level: warn }`))).toEqual({ applied: [], restart: [] });
  expect(levels).toEqual(["warn"]);
});

test("a setting that cannot be put in force stays as it was, and the next change is not lost", async () => {
  let fails = true;
  const reload = new Reload(config(String), {
    "log.level": () => {
      if (fails) throw new Error("no");
      return true;
    },
  });
  const next = config((source) => `${source}\nlog: { level: warn }`);
  await expect(reload.to(next)).rejects.toThrow("no");
  fails = false;
  expect(await reload.to(next)).toEqual({ applied: ["log.level"], restart: [] });
});
