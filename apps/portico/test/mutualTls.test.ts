import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Identity, Pki } from "../../../packages/waf/test/pki.ts";
import { parseConfig, type Portal, startPortal } from "../src/index.ts";
import { good } from "./goodConfig.ts";
import { newFolder } from "./support/command.ts";
import { KeptLog } from "./support/portal.ts";

vi.setConfig({ testTimeout: 60_000 });

const byName = "by-name.acme.test";
const byKey = "by-key.acme.test";
const subject = "/C=GB/O=Acme/CN=Talk";
const vouching = await generateKeyPair("ES256", { extractable: true });
const refused = { status: 401, reason: "client_unauthenticated" };
const granted = { status: 200 };

/** A certificate as a header carries it (RFC 9440 §2.1). */
const item = ({ cert }: Identity): string => `:${new X509Certificate(cert).raw.toString("base64")}:`;

/** Headers of a proxy (RFC 9440). */
const told = (identity: Identity, ...chain: Identity[]): Record<string, string> => {
  return {
    "client-cert": item(identity),
    ...(chain.length === 0 ? {} : { "client-cert-chain": chain.map(item).join(", ") }),
  };
};

/** A tenant with a client of each kind, made at run time. */
async function addTenant({ waf }: Portal, selfSigned: Identity): Promise<void> {
  const own = new X509Certificate(selfSigned.cert).publicKey.export({ format: "jwk" });
  const subjectTokens = { jwks: { keys: [{ ...(await exportJWK(vouching.publicKey)), kid: "v", alg: "ES256" }] } };
  const kid = await calculateJwkThumbprint(own);
  const clients = [
    {
      clientId: byName,
      authentication: { method: "tls_client_auth", subjectDn: "CN=Talk,O=Acme,C=GB" },
      subjectTokens,
    },
    {
      clientId: byKey,
      authentication: { method: "self_signed_tls_client_auth", jwks: { keys: [{ ...own, kid, alg: "ES256" }] } },
      subjectTokens,
    },
  ];
  const blocks = [{ id: "main", domain: "mtls.ims.test", count: 5, assignment: "sticky", quarantineSeconds: 0 }];
  const rest = { origins: ["https://mtls.test"], services: ["voice"], identityProviders: [], blocks };
  await waf.tenants.create({ id: "mtls", name: "mTLS", state: "active", clients, ...rest }, { by: "test" });
}

interface Asked {
  readonly identity?: Identity | undefined;
  readonly headers?: Record<string, string>;
  readonly ca?: string;
}

/** An exchange for a client that sends no assertion. */
async function exchange({ url, waf }: Portal, clientId: string, { identity, headers, ca }: Asked) {
  const jti = crypto.randomUUID();
  const token = await new SignJWT({ iss: clientId, sub: "mary", aud: waf.issuer, jti })
    .setProtectedHeader({ alg: "ES256", kid: "v" })
    .setIssuedAt()
    .setExpirationTime("2m")
    .sign(vouching.privateKey);
  const form = new URLSearchParams({
    client_id: clientId,
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token: token,
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    web_session: "w",
  });
  const type = { "content-type": "application/x-www-form-urlencoded", ...headers };
  const ask = url.startsWith("https") ? tlsRequest : plainRequest;
  const sent = ask(`${url}/waf/token`, {
    method: "POST",
    headers: type,
    agent: false,
    ...(ca === undefined ? {} : { ca }),
    ...identity,
  });
  sent.end(form.toString());
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const body = JSON.parse((await answer.setEncoding("utf8").toArray()).join("")) as { reason?: string };
  return { status: answer.statusCode, ...(body.reason === undefined ? {} : { reason: body.reason }) };
}

async function open(change: (source: string, folder: string) => string, folder: string): Promise<Portal> {
  const portal = await startPortal(parseConfig(change(good, folder), join(folder, "portal.yaml")), new KeptLog());
  onTestFinished(() => portal.close());
  return portal;
}

/** True when the server asks a client for a certificate in the handshake. */
async function asks(url: string): Promise<boolean> {
  const { host } = new URL(url);
  const client = spawn(process.env["OPENSSL"] ?? "openssl", ["s_client", "-connect", host, "-msg"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const said = (await client.stdout.setEncoding("utf8").toArray()).join("");
  expect(said).toContain("ServerHello");
  return said.includes("CertificateRequest");
}

test("WAF-09 a client is known by its TLS certificate, by a name or by its key; nobody is asked for one before some tenant needs it", async () => {
  const folder = newFolder();
  const pki = new Pki();
  const site = pki.signed("server", "/CN=localhost", "DNS:localhost");
  for (const [name, text] of Object.entries({
    "ca.pem": pki.authority.cert,
    "tls.pem": site.cert,
    "tls.key": site.key,
  })) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
  const tls = "tls: { cert: tls.pem, key: tls.key, clientCa: ca.pem }";
  const source = (text: string): string => `${text.replace("https://portal.example", "https://localhost:0")}\n${tls}\n`;
  const portal = await open(source, folder);
  expect(await asks(portal.url)).toBe(false);

  const ours = pki.signed("ours", subject, "DNS:talk.acme.test");
  const own = pki.selfSigned("own", "/CN=anything", "subjectAltName=DNS:any.test");
  const forged = pki.selfSigned("forged", subject, "subjectAltName=DNS:talk.acme.test");
  const ca = pki.authority.cert;
  await addTenant(portal, own);
  await expect.poll(() => asks(portal.url)).toBe(true);
  const all = async (): Promise<void> => {
    expect(await exchange(portal, byName, { ca, identity: ours })).toEqual(granted);
    expect(await exchange(portal, byKey, { ca, identity: own })).toEqual(granted);
    expect(await exchange(portal, byName, { ca, identity: forged })).toEqual(refused);
    expect(await exchange(portal, byKey, { ca, identity: ours })).toEqual(refused);
    expect(await exchange(portal, byName, { ca })).toEqual(refused);
    // No proxy is configured, so what a client says of certificates is air.
    expect(await exchange(portal, byName, { ca, headers: told(ours) })).toEqual(refused);
    expect(await exchange(portal, byKey, { ca, headers: told(own) })).toEqual(refused);
  };
  await all();
  // A renewed certificate of the server leaves the authorities of clients as they are.
  const renewed = pki.signed("renewed", "/CN=localhost", "DNS:localhost");
  for (const [name, text] of Object.entries({ "new.pem": renewed.cert, "new.key": renewed.key })) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
  const next = source(good).replace("tls.pem, key: tls.key", "new.pem, key: new.key");
  expect(await portal.reload(parseConfig(next, join(folder, "portal.yaml")))).toMatchObject({ applied: ["tls"] });
  await all();

  const metadata = "/.well-known/oauth-authorization-server/waf";
  const { body } = (await fetchTls(`${portal.url}${metadata}`, ca)) as { body: Record<string, unknown> };
  expect(body["token_endpoint_auth_methods_supported"]).toContain("tls_client_auth");
  await portal.waf.tenants.remove("mtls", { by: "test", version: (await portal.waf.tenants.get("mtls")).version });
  await expect.poll(() => asks(portal.url)).toBe(false);
});

/** The good configuration behind proxies. */
const listening = (proxies: string, more = ""): string =>
  good
    .replace("https://portal.example", "http://127.0.0.1:0")
    .replace(
      "listen: { address: 127.0.0.1, port: 0 }",
      `listen: { address: 127.0.0.1, port: 0, trustedProxies: [${proxies}]${more} }`,
    );

test("WAF-09 a certificate that a proxy tells of counts when that proxy is configured, its chain leads to an authority, and never otherwise", async () => {
  const folder = newFolder();
  const pki = new Pki();
  writeFileSync(join(folder, "ca.pem"), pki.authority.cert);
  const believing = ", clientCertificates: { ca: ca.pem }";
  const portal = await open(() => listening("127.0.0.1", believing), folder);
  const ours = pki.signed("ours", subject, "DNS:talk.acme.test");
  const own = pki.selfSigned("own", "/CN=anything", "subjectAltName=DNS:any.test");
  const forged = pki.selfSigned("forged", subject, "subjectAltName=DNS:talk.acme.test");
  const between = pki.signed("between", "/CN=Between", "DNS:between.test", "ca", "basicConstraints=critical,CA:TRUE");
  const below = pki.signed("below", subject, "DNS:talk.acme.test", "between");
  const noCa = pki.signed("no-ca", subject, "DNS:talk.acme.test", "ours");
  await addTenant(portal, own);
  const ask = (clientId: string, headers: Record<string, string>) => exchange(portal, clientId, { headers });
  expect(await ask(byName, told(ours))).toEqual(granted);
  expect(await ask(byKey, told(own))).toEqual(granted);
  expect(await ask(byName, told(below, between))).toEqual(granted);
  for (const headers of [
    {},
    told(forged),
    told(below),
    // Its issuer is no authority, although it was signed by one.
    told(noCa, ours),
    told(below, forged),
    { "client-cert": "::" },
    { "client-cert": ":AAAA:" },
    { "client-cert": `:${"A".repeat(10_000)}:` },
  ]) {
    expect(await ask(byName, headers)).toEqual(refused);
  }
  expect(await ask(byKey, told(ours))).toEqual(refused);

  const elsewhere = newFolder();
  writeFileSync(join(elsewhere, "ca.pem"), pki.authority.cert);
  const stranger = await open(() => listening("192.0.2.1", believing), elsewhere);
  await addTenant(stranger, own);
  expect(await exchange(stranger, byName, { headers: told(ours) })).toEqual(refused);
  const untold = await open(() => listening("127.0.0.1"), newFolder());
  await addTenant(untold, own);
  expect(await exchange(untold, byKey, { headers: told(own) })).toEqual(refused);
});

async function fetchTls(url: string, ca: string): Promise<{ body: unknown }> {
  const sent = tlsRequest(url, { ca, agent: false });
  sent.end();
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  return { body: JSON.parse((await answer.setEncoding("utf8").toArray()).join("")) };
}
