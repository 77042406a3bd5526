import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "@portico/portico";
import { decodeJwt } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { Company } from "./company.ts";

const urls = ["turns:turn.ims.test:443?transport=tcp", "turn:turn.ims.test:3478"];

test("WAF-13 setting turn: each page gets credentials that its TURN server can check, good as long as its token, and no secret", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-turn-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const secret = "what only portal and TURN server know";
  writeFileSync(join(folder, "turn.secret"), `${secret}\n`, { mode: 0o600 });
  const turn = { urls, secret: "${file:turn.secret}" };
  const company = new Company(folder);
  await company.run({ turn, accessTokenSeconds: 600 });

  const pages = [await company.pageOf("mary"), await company.pageOf("ken"), await company.pageOf("mary")];
  const usernames = pages.map(({ iceServers: [server], accessToken, text }) => {
    const { exp, sub } = decodeJwt(accessToken);
    const username = `${exp}:${sub}`;
    // As a server with a shared secret does it (coturn: use-auth-secret).
    const credential = createHmac("sha1", secret).update(username).digest("base64");
    expect(server).toEqual({ urls, username, credential });
    expect(Number(exp) - Date.now() / 1000).toBeLessThanOrEqual(600);
    expect(text).not.toContain(secret);
    return username;
  });
  // The server's log tells users apart, and does not say who they are.
  expect(new Set(usernames.map((username) => username.split(":")[1])).size).toBe(2);
  expect(usernames.join()).not.toMatch(/mary|ken/);

  // Another secret is for the next start, and the operator is told.
  company.configure({ turn: { urls, secret: "another secret of the two" }, accessTokenSeconds: 600 });
  expect(await company.portal.reload(readConfig(company.file))).toEqual({ applied: [], restart: ["turn.secret"] });
  await company.run({ accessTokenSeconds: 600 });
  expect((await company.pageOf("mary")).iceServers).toEqual([]);
});
