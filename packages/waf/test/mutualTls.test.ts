import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPublicKey } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import type { ClientDocument } from "../src/index.ts";
import { acme, other, World } from "./world.ts";

function has(program: string): boolean {
  try {
    return execFileSync(program, ["version"]).length > 0;
  } catch {
    return false;
  }
}

interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** Certificates made by openssl: an authority, and what it or somebody else has signed. */
class Pki {
  readonly #folder = mkdtempSync(join(tmpdir(), "portico-pki-"));
  readonly authority: Identity = this.selfSigned("ca", "/CN=Operator CA", "basicConstraints=critical,CA:TRUE");

  selfSigned(name: string, subject: string, extension: string): Identity {
    this.#run("req", "-x509", ...this.#pair(name), "-subj", subject, "-days", "3", "-addext", extension);
    return this.#read(name);
  }

  signed(name: string, subject: string, names: string): Identity {
    const extensions = join(this.#folder, `${name}.ext`);
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    const key = join(this.#folder, `${name}.key`);
    const [csr, out] = [join(this.#folder, `${name}.csr`), join(this.#folder, `${name}.crt`)];
    this.#run("req", ...newKey, "-keyout", key, "-out", csr, "-subj", subject, "-multivalue-rdn");
    const ca = ["-CA", join(this.#folder, "ca.crt"), "-CAkey", join(this.#folder, "ca.key"), "-CAcreateserial"];
    this.#run("x509", "-req", "-in", csr, "-out", out, "-days", "3", "-extfile", extensions, ...ca);
    return this.#read(name);
  }

  #pair(name: string): string[] {
    return [...newKey, "-keyout", join(this.#folder, `${name}.key`), "-out", join(this.#folder, `${name}.crt`)];
  }

  #read(name: string): Identity {
    const of = (end: string): string => readFileSync(join(this.#folder, `${name}.${end}`), "utf8");
    return { key: of("key"), cert: of("crt") };
  }

  #run(...args: string[]): void {
    execFileSync(process.env["OPENSSL"] ?? "openssl", args, { stdio: "pipe" });
  }
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

interface Scene {
  readonly world: World;
  readonly pki: Pki;
  readonly ask: (identity: Identity | undefined, clientId: string) => Promise<{ status: number; reason?: string }>;
}

async function open(authentications: (pki: Pki) => ClientDocument["authentication"][]): Promise<Scene> {
  const pki = new Pki();
  const site = pki.signed("server", "/CN=localhost", "DNS:localhost");
  const ca = pki.authority.cert;
  const server = createServer({ ...site, ca, requestCert: true, rejectUnauthorized: false });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const clients = authentications(pki).map((authentication, n) => ({ clientId: `client-${n}`, authentication }));
  const issuer = `https://localhost:${port}/waf`;
  const world = await World.open({ tenants: [{ ...acme, clients }, other], server, issuer, mutualTls: issuer });
  await world.app.ready();
  onTestFinished(async () => {
    await world.close();
    server.closeAllConnections();
    server.close();
  });
  const ask: Scene["ask"] = async (identity, clientId) => {
    const form = new URLSearchParams({
      client_id: clientId,
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: await world.idToken("mary"),
      subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
      web_session: "w",
    });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const sent = request(`${issuer}/token`, { method: "POST", ca, agent: false, headers, ...identity });
    sent.end(form.toString());
    const [answer] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
    const body = JSON.parse((await answer.setEncoding("utf8").toArray()).join("")) as { reason?: string };
    return { status: answer.statusCode ?? 0, ...(body.reason === undefined ? {} : { reason: body.reason }) };
  };
  return { world, pki, ask };
}

const refused = { status: 401, reason: "client_unauthenticated" };
const noOpenssl = !has("openssl");

test.skipIf(noOpenssl)(
  "WAF-09 WWSF-08a a client of the operator's authority is known by a name in its certificate",
  async () => {
    const { pki, ask, world } = await open(() => [
      { method: "tls_client_auth", sanDns: "talk.acme.test" },
      { method: "tls_client_auth", subjectDn: "cn=Talk\\, Inc,  O=Acme,C=GB" },
      { method: "tls_client_auth", sanUri: "https://acme.test/wwsf" },
      { method: "tls_client_auth", sanIp: "192.0.2.7" },
      { method: "tls_client_auth", sanEmail: "wwsf@acme.test" },
    ]);
    const names = "DNS:talk.acme.test,URI:https://acme.test/wwsf,IP:192.0.2.7,email:wwsf@acme.test";
    const good = pki.signed("good", "/C=GB/O=Acme/CN=Talk, Inc", names);
    for (const n of [0, 1, 2, 3, 4]) expect(await ask(good, `client-${n}`)).toEqual({ status: 200 });
    const another = pki.signed("another", "/C=GB/O=Acme/CN=Talk", "DNS:talk.acme.test.evil.test");
    for (const n of [0, 1, 2, 3, 4]) expect(await ask(another, `client-${n}`)).toEqual(refused);
    // The same names, signed by nobody the operator trusts.
    const forged = pki.selfSigned("forged", "/C=GB/O=Acme/CN=Talk, Inc", `subjectAltName=${names}`);
    for (const n of [0, 1, 2, 3, 4]) expect(await ask(forged, `client-${n}`)).toEqual(refused);
    expect(await ask(undefined, "client-0")).toEqual(refused);
    expect(await ask(good, "unknown")).toEqual(refused);
    const metadata = (await world.app.inject("/.well-known/oauth-authorization-server/waf")).json();
    expect(metadata.token_endpoint_auth_methods_supported).toEqual([
      "private_key_jwt",
      "tls_client_auth",
      "self_signed_tls_client_auth",
    ]);
    expect(metadata.mtls_endpoint_aliases.token_endpoint).toBe(`${world.waf.issuer}/token`);
  },
);

test.skipIf(noOpenssl)("WAF-09 a client that signs its own certificate is known by its key", async () => {
  const made: Identity[] = [];
  const { pki, ask } = await open((pkiOf) => {
    const own = pkiOf.selfSigned("own", "/CN=anything", "subjectAltName=DNS:anything");
    made.push(own);
    const jwk = createPublicKey(own.cert).export({ format: "jwk" });
    return [{ method: "self_signed_tls_client_auth", jwks: { keys: [{ ...jwk }] } }, acme.clients[0]!.authentication];
  });
  expect(await ask(made[0], "client-0")).toEqual({ status: 200 });
  const stranger = pki.selfSigned("stranger", "/CN=anything", "subjectAltName=DNS:anything");
  expect(await ask(stranger, "client-0")).toEqual(refused);
  // Its certificate is no way in for a client registered with assertions.
  expect(await ask(made[0], "client-1")).toEqual(refused);
});
