import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const text = readFileSync(join(checkout, "docs/operators.md"), "utf8");

/** The blocks `sh NAME` of the document, in turn. */
const blocks = [...text.matchAll(/^```sh (\w+)\n([\s\S]*?)^```$/gm)].map(([, name = "", code = ""]) => ({
  name,
  code,
}));

/** Runs all blocks in one shell that ends at the first failure. @returns what each said, and how it ended */
async function walk(folder: string): Promise<{ said: Map<string, string>; code: number | null; err: string }> {
  const script = blocks.map(({ name, code }) => `echo "@@ ${name}"\n${code}`).join("\n");
  const shell = spawn(
    "bash",
    ["-euo", "pipefail", "-c", `trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n${script}`],
    {
      cwd: folder,
      env: { ...process.env, CHECKOUT: checkout, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let [out, err] = ["", ""];
  shell.stdout.on("data", (bytes: Buffer) => (out += bytes.toString()));
  shell.stderr.on("data", (bytes: Buffer) => (err += bytes.toString()));
  const code = await new Promise<number | null>((resolve) => shell.on("close", resolve));
  const said = new Map(
    out
      .split(/^@@ /m)
      .slice(1)
      .map((part) => [part.split("\n", 1)[0] ?? "", part.slice(part.indexOf("\n") + 1)]),
  );
  return { said, code, err };
}

test(
  "ADM-01 docs/operators.md leads from nothing to a portal with a tenant and its block, and to a token by curl",
  { timeout: 300_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "portico-walk-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const { said, code, err } = await walk(folder);
    expect({ code, err, last: [...said.keys()].at(-1) }).toMatchObject({ code: 0, last: "end" });
    const of = (name: string): string => said.get(name) ?? "";

    expect(of("check")).toContain("ok portico.yaml");
    expect(of("doctor")).toContain("as long as there is no core, that is right");
    expect(of("tenant")).toMatch(/^ID +NAME +STANDING +SOURCE +CLIENTS +BLOCKS\nacme +Acme +active +api +1 +1$/m);
    expect(of("tenant")).toMatch(/^SIZE +ASSIGNED +RESTING +FREE +SESSIONS\n +100 +0 +0 +100 +0$/m);
    expect(of("export")).toMatch(/u0001/);
    const grant = JSON.parse(of("token")) as { access_token: string; ims: { impu: string; tel: string } };
    expect(grant.ims).toMatchObject({ impu: "sip:u0001@acme.ims.example", tel: "+12125550100" });
    expect(of("look")).toMatch(/^ +100 +1 +0 +99 +1$/m);
    expect(of("look")).toContain("mary");
    expect(of("suspend")).toContain("ok tenant acme suspended");
    expect(of("audit")).toMatch(/^ok \d+ records in \d+ chains are as they were written$/m);
    expect(of("dialplan")).toContain("sent as    tel:+12025550110");

    // ADM-07b: what went through the portal is not in its log.
    const log = readFileSync(join(folder, "site/portal.log"), "utf8");
    for (const secret of [
      grant.access_token,
      readFileSync(join(folder, "site/data/admin.key"), "utf8").trim(),
      "mary",
      "u0001",
    ]) {
      expect(log).not.toContain(secret);
    }
    expect(statSync(join(folder, "site/data/admin.key")).mode & 0o777).toBe(0o600);
  },
);
