import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline, Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Wwsf } from "../src/index.ts";
import { mutualTlsFetch } from "../src/mutualTls.ts";

const folder = mkdtempSync(join(tmpdir(), "portico-mtls-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tool = process.env["OPENSSL"] ?? "openssl";
const hasOpenssl = spawnSync(tool, ["version"]).status === 0;

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A self-signed certificate for a name, by OpenSSL. */
function certificate(name: string): Pair {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const kind =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -addext subjectAltName=DNS:localhost";
  const made = spawnSync(tool, [...kind.split(" "), "-subj", `/CN=${name}`, "-keyout", key, "-out", cert]);
  if (made.status !== 0) throw new Error(made.stderr?.toString() ?? "openssl is missing");
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

function* endless(): Generator<string> {
  for (;;) yield "x".repeat(65_536);
}

describe.skipIf(!hasOpenssl)(`mutual TLS${hasOpenssl ? "" : " (skipped: no openssl to make certificates)"}`, () => {
  const asked: { path: string; subject: string; body: string; type: string }[] = [];
  let url = "";
  let server: Pair;
  let client: Pair;
  let stranger: Pair;

  beforeAll(async () => {
    [server, client, stranger] = [certificate("localhost"), certificate("talk.acme.example"), certificate("other")];
    const https = createServer({ ...server, ca: client.cert, requestCert: true }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        const body = Buffer.concat(chunks).toString();
        asked.push({
          path: request.url ?? "",
          subject: String(subject.CN),
          body,
          type: request.headers["content-type"] ?? "",
        });
        const answer = request.url === "/endless" ? endless() : [JSON.stringify({ impu: "sip:u1@acme.test" })];
        pipeline(Readable.from(answer), response, () => undefined);
      });
    }).listen(0, "127.0.0.1");
    await once(https, "listening");
    url = `https://localhost:${(https.address() as AddressInfo).port}`;
    afterAll(() => {
      https.close();
      https.closeAllConnections();
    });
  });

  test("WAF-09 a client certificate names the site, and no assertion is sent", async () => {
    const wwsf = new Wwsf({
      issuer: `${url}/waf`,
      clientId: "talk.acme.example",
      authentication: { method: "tls_client_auth", ...client, ca: server.cert },
    });
    expect(await wwsf.identityOf("mary")).toEqual({ impu: "sip:u1@acme.test" });
    expect(asked.at(-1)).toEqual({
      path: "/waf/identities",
      subject: "talk.acme.example",
      body: "subject=mary&client_id=talk.acme.example",
      type: "application/x-www-form-urlencoded",
    });
  });

  test("a server that the site does not know, a refused certificate and an endless answer are errors", async () => {
    await expect(mutualTlsFetch(client)(url)).rejects.toThrow(/self-signed|unable to verify/);
    await expect(mutualTlsFetch({ ...stranger, ca: server.cert })(url)).rejects.toMatchObject({ code: "ECONNRESET" });
    await expect(mutualTlsFetch({ ...client, ca: server.cert })(`${url}/endless`)).rejects.toThrow(/longer than/);
  });

  test("who waits no longer gets an error at once", async () => {
    const stop = new AbortController();
    const going = mutualTlsFetch({ ...client, ca: server.cert })(`${url}/endless`, { signal: stop.signal });
    onTestFinished(() => stop.abort());
    stop.abort();
    await expect(going).rejects.toMatchObject({ name: "AbortError" });
  });
});
