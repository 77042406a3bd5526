import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { needPackages } from "../support/packages.ts";
import { openOperator, type Operator } from "./operator.ts";

const missing = needPackages(["curl", "openssl"]);

const text = readFileSync(new URL("../../docs/third-parties.md", import.meta.url), "utf8");

/** The code of the document's block with this language and name. */
function block(language: string, name: string): string {
  const code = text.split(`\`\`\`${language} ${name}\n`)[1]?.split("\n```")[0];
  if (code === undefined) throw new Error(`docs/third-parties.md has no block ${language} ${name}`);
  return code;
}

let operator: Operator;
let folder: string;

beforeAll(async () => {
  operator = await openOperator();
  folder = mkdtempSync(join(tmpdir(), "portico-third-"));
  writeFileSync(join(folder, "client.pem"), operator.clientPem, { mode: 0o600 });
});
afterAll(async () => {
  await operator?.close();
  rmSync(folder, { recursive: true, force: true });
});

function settings(): NodeJS.ProcessEnv {
  const { issuer, clientId } = operator;
  return { ...process.env, ISSUER: issuer, CLIENT_ID: clientId, CLIENT_KEY: join(folder, "client.pem") };
}

async function shell(script: string, more: NodeJS.ProcessEnv): Promise<{ status: number | null; output: string }> {
  const child = spawn("bash", ["-eu", "-o", "pipefail", "-c", script], {
    cwd: folder,
    env: { ...settings(), ...more },
    timeout: 30_000,
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => output.push(data));
  const [status] = (await once(child, "close")) as [number | null];
  return { status, output: Buffer.concat(output).toString() };
}

describe.skipIf(missing !== undefined)(`in a shell${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  test("the document's key is made by the document's commands", async () => {
    const { status, output } = await shell(block("sh", "key"), { CLIENT_KEY: join(folder, "new.pem") });
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output).toMatch(/BEGIN PUBLIC KEY/);
  });

  test("WAF-03 WWSF-08a plain curl gets a token, the next one, and ends the web session", async () => {
    const more = { ID_TOKEN: await operator.idToken("carla"), WEB_SESSION: "web-carla" };
    // Numbers of a signature may begin with zeros; some of these runs have one.
    for (let run = 0; run < 3; run += 1) {
      const { status, output } = await shell(`${block("sh", "exchange")}\n${block("sh", "refresh")}`, more);
      expect({ status, output }).toMatchObject({ status: 0 });
    }
    const grants = ["grant.json", "next.json"].map(
      (name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as { access_token: string; ims: { tel: string } },
    );
    expect(grants.map(({ ims }) => ims.tel)).toEqual(["+12125550100", "+12125550100"]);
    const [first, next] = grants.map(({ access_token }) => decodeJwt<{ sid: string }>(access_token));
    expect(next?.sid).toBe(first?.sid);
    expect(operator.waf.isRevoked({ sessionId: first?.sid ?? "", tenant: "acme" })).toBe(true);
  });
});

test.each(["fastify", "express"])("WWSF-08b the document's server on %s gives a page its IMS session", async (host) => {
  // Inside the tree, where the packages are found.
  const place = new URL(`../../.cache/third-parties-${host}/`, import.meta.url).pathname;
  mkdirSync(place, { recursive: true });
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  writeFileSync(join(place, "server.ts"), block("ts", host));
  writeFileSync(
    join(place, "signIn.ts"),
    `export const signedInUser = (cookie: string | undefined) =>
       cookie === undefined ? undefined : { session: cookie, idToken: process.env["ID_TOKEN"] ?? "" };`,
  );
  const child = spawn(process.execPath, ["--conditions=source", join(place, "server.ts")], {
    env: { ...settings(), ID_TOKEN: await operator.idToken(host) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill());
  const line = String((await once(createInterface(child.stdout), "line"))[0]);
  const port = /(?:port: |:)(\d+)/.exec(line)?.[1] ?? "";
  const url = `http://127.0.0.1:${port}/api/ims-session`;
  expect((await fetch(url)).status).toBe(401);
  const answer = await fetch(url, { headers: { cookie: `id=${host}` } });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ tel: expect.stringMatching(/^\+1212555/) });
});
