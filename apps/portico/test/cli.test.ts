import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfig } from "../src/index.ts";
import { newFolder, portico } from "./support/command.ts";

test("init writes a commented configuration that fits, and keys for their owner alone", async () => {
  const folder = newFolder();
  const { code, out } = await portico("init", folder, "--yes", "--home-domain", "ims.test");
  expect(code).toBe(0);
  const file = join(folder, "portico.yaml");
  expect(out).toContain(`portico serve ${file}`);
  expect(readFileSync(file, "utf8")).toMatch(/^# yaml-language-server: \$schema=\.\/portico\.schema\.json\n/);
  expect(JSON.parse(readFileSync(join(folder, "portico.schema.json"), "utf8"))).toHaveProperty("properties.home");
  expect(readConfig(file, {})).toMatchObject({
    publicUrl: "http://localhost:8090",
    home: { domain: "ims.test", entryPoint: "sip:icscf.ims.test;transport=tcp" },
    mw: { peers: ["127.0.0.1"] },
    emergencyNumbers: ["112", "911"],
  });
  for (const [path, mode] of Object.entries({ "portico.yaml": 0o600, data: 0o700, "data/seal.key": 0o600 })) {
    expect({ path, mode: statSync(join(folder, path)).mode & 0o777 }).toEqual({ path, mode });
  }
});

test("init never writes over what is there, but with --force, and then keeps the node's key", async () => {
  const folder = newFolder();
  await portico("init", folder, "--yes");
  const key = readFileSync(join(folder, "data/seal.key"));
  const file = join(folder, "portico.yaml");
  writeFileSync(file, "mine: true\n", { mode: 0o644 });
  const refused = await portico("init", folder, "--yes");
  expect(refused).toMatchObject({ code: 1, out: "" });
  expect(refused.err).toContain("portico.yaml exists");
  expect(refused.err).toContain("--force");
  expect(readFileSync(file, "utf8")).toBe("mine: true\n");
  expect((await portico("init", folder, "--yes", "--force")).code).toBe(0);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(folder, "data/seal.key"))).toEqual(key);
});

test("init writes nothing that serve would refuse, and does not wait for a terminal that is not there", async () => {
  const folder = newFolder();
  const wrong = await portico("init", folder, "--yes", "--public-url", "http://portal.example");
  expect(wrong.code).toBe(2);
  expect(wrong.err).toContain("publicUrl is plain http beyond this machine");
  expect((await portico("check-config", join(folder, "portico.yaml"))).code).toBe(3);
  expect((await portico("init", folder)).err).toContain("no terminal");
});

test("ADM-08a check-config tells what is wrong with a file, for people and for programs", async () => {
  const folder = newFolder();
  const file = join(folder, "portico.yaml");
  await portico("init", folder, "--yes");
  const fine = await portico("check-config", file);
  expect(fine).toMatchObject({ code: 0, err: "" });
  expect(fine.out).toContain("IMS core      ims.example, entered at sip:icscf.ims.example;transport=tcp");
  writeFileSync(file, readFileSync(file, "utf8").replace("graceSeconds: 32", "graceSecond: 32"));
  const wrong = await portico("check-config", file, "--json");
  expect(wrong.code).toBe(3);
  expect(JSON.parse(wrong.out)).toMatchObject({
    file,
    complaints: [{ path: "graceSecond", remedy: "did you mean graceSeconds?" }],
  });
});

test("help names every command, and a wrong word is answered with what was meant", async () => {
  const help = await portico("--help");
  expect(help.code).toBe(0);
  for (const command of ["init", "check-config", "serve"])
    expect(help.out).toMatch(new RegExp(`^ {2}${command} `, "m"));
  const wrong = await portico("check-confg");
  expect(wrong.code).toBe(2);
  expect(wrong.err).toMatch(/unknown command 'check-confg'\n\(Did you mean check-config\?\)/);
});
