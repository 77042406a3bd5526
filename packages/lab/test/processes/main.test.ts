import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startLab } from "../../src/index.ts";

const block = [{ impi: "u1@ims.test", impu: "sip:u1@acme.ims.test", tel: "+12125550100", tenant: "acme" }];

test("the process says when it is ready, what port is taken, and ends on a signal", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lab-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const lab = await startLab({ subscriptions: [], trusted: [] });
  onTestFinished(() => lab.close());
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const run = async (ports: object): Promise<{ out: string; code: unknown }> => {
    const path = join(folder, `${crypto.randomUUID()}.json`);
    await writeFile(path, JSON.stringify({ ports, subscriptions: block }));
    const child = spawn(process.execPath, ["--conditions=source", main, path]);
    let out = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (octets: Buffer) => {
        out += octets.toString();
        if (out.includes("lab ready")) child.kill("SIGTERM");
      });
    }
    const [code] = (await once(child, "close")) as [unknown];
    return { out, code };
  };
  const [good, bad] = await Promise.all([
    run({ icscf: 0, scscf: 0, telephones: 0 }),
    run({ icscf: lab.icscf.port, scscf: 0, telephones: 0 }),
  ]);
  expect(good.out).toMatch(/^lab ready home=ims\.test icscf=127\.0\.0\.1:\d+ scscf=127\.0\.0\.1:\d+ telephones=\S+\n$/);
  expect(good.code).toBe(0);
  expect(bad.out).toBe(
    `lab: The port is taken: SIP at 127.0.0.1:${lab.icscf.port}. Stop the other program or configure another port.\n`,
  );
  expect(bad.code).toBe(1);
});
