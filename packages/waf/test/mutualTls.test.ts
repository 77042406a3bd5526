import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { createPublicKey } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import type { ClientDocument } from "../src/index.ts";
import { type Identity, Pki } from "./pki.ts";
import { acme, other, World } from "./world.ts";

function has(program: string): boolean {
  try {
    return execFileSync(program, ["version"]).length > 0;
  } catch {
    return false;
  }
}

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
