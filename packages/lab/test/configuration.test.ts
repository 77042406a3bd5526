import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfiguration } from "../src/configuration.ts";
import { readSubscriptions } from "../src/index.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lab-"));
});

afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, value: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(value));
  return path;
}

const block = [{ impi: "u1@ims.test", impu: "sip:u1@acme.ims.test", tel: "+12125550100", tenant: "acme" }];

test("a configuration names its subscriptions, softphones and ports", async () => {
  await write("block.json", block);
  const path = await write("lab.json", {
    host: "127.0.0.1",
    ports: { icscf: 0 },
    rtpPorts: [42_000, 42_099],
    subscriptionsFile: "block.json",
    trusted: ["10.0.0.1"],
    softphones: [{ impu: "sip:o@ims.test", impi: "o@ims.test", password: "p" }],
  });
  const options = await readConfiguration(path);
  expect(options.ports).toEqual({ icscf: 0, scscf: 15_061, telephones: 15_062 });
  expect(options.subscriptions.map(({ impu, digestPassword }) => [impu, digestPassword])).toEqual([
    ["sip:u1@acme.ims.test", undefined],
    ["sip:o@ims.test", "p"],
  ]);
});

test.each([
  [{ host: "localhost" }, "host is no IP address"],
  [{ port: 1 }, "unknown field port"],
  [{ ports: { sip: 1 } }, "unknown field ports.sip"],
  [{ ports: { icscf: 70_000 } }, "ports.icscf is no port"],
  [{ rtpPorts: [5, 4] }, "rtpPorts is no range"],
  [{ trusted: "10.0.0.1" }, "trusted is no list"],
  [{ softphones: [{ impu: "sip:o@ims.test", impi: "o@ims.test" }] }, "softphones[0].password is no text"],
  [{ subscriptions: ["x"] }, "subscriptions[0] is no object"],
])("a configuration that is wrong is told by field: %j", async (value, what) => {
  const path = await write("wrong.json", value);
  await expect(readConfiguration(path)).rejects.toMatchObject({
    code: "lab/configuration",
    message: expect.stringContaining(what) as string,
  });
});

test("a file that is missing is told by name", async () => {
  await expect(readSubscriptions(join(folder, "none.json"))).rejects.toThrow("none.json");
});
