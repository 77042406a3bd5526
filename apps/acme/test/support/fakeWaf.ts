import { createServer, type Server } from "node:http";
import { createRemoteJWKSet, decodeJwt, importJWK, jwtVerify, type JWK } from "jose";

/** What the authorisation function was asked, form by form. */
interface Asked {
  readonly path: string;
  readonly form: URLSearchParams;
}

/** A small operator: checks who asks and for whom, as the real one does, and answers what the test wants. */
export interface FakeWaf {
  readonly issuer: string;
  readonly asked: Asked[];
  /** Answer of the token endpoint, instead of a grant. */
  refusal: { status: number; body: Record<string, unknown> } | undefined;
  /** Telephone numbers by subject; whoever gets a token gets the next one. */
  readonly numbers: Map<string, string>;
  /** `wss` member of grants. */
  wss: string[];
  /** As after a revocation. */
  forgetRefreshTokens(): void;
  close(): Promise<void>;
}

const clientId = "talk.acme.example";

/** @param clientKey Acme's public key; @param idp issuer of the ID tokens, known once Acme runs. */
export async function startFakeWaf(clientKey: JWK, idp: () => string): Promise<FakeWaf> {
  const key = await importJWK(clientKey, "ES256");
  const seen = new Set<string>();
  const refreshTokens = new Map<string, string>();
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      answer(request.url ?? "", form).then(
        ({ status, body }) =>
          response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)),
        (error: Error) =>
          response.writeHead(400).end(JSON.stringify({ error: "invalid_request", error_description: error.message })),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const issuer = `http://127.0.0.1:${address.port}/waf`;

  async function answer(
    url: string,
    form: URLSearchParams,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    if (url === "/.well-known/oauth-authorization-server/waf") return { status: 200, body: { issuer } };
    const path = url.replace("/waf/", "");
    waf.asked.push({ path, form });
    const { payload } = await jwtVerify(form.get("client_assertion") ?? "", key, {
      audience: issuer,
      issuer: clientId,
      subject: clientId,
      maxTokenAge: "5m",
    });
    if (payload.jti === undefined || seen.has(payload.jti)) throw new Error("assertion used twice");
    seen.add(payload.jti);
    if (path === "token") return token(form);
    if (path === "revoke") {
      refreshTokens.delete(form.get("token") ?? "");
      return { status: 200, body: {} };
    }
    const tel = waf.numbers.get(form.get("subject") ?? "");
    return tel === undefined
      ? { status: 404, body: { error: "not_found" } }
      : { status: 200, body: { impu: "sip:u@acme.ims.test", tel } };
  }

  async function token(form: URLSearchParams): Promise<{ status: number; body: Record<string, unknown> }> {
    if (waf.refusal !== undefined) return waf.refusal;
    let subject = refreshTokens.get(form.get("refresh_token") ?? "");
    if (form.get("grant_type") === "refresh_token") {
      if (subject === undefined) return { status: 400, body: { error: "invalid_grant" } };
      refreshTokens.delete(form.get("refresh_token") ?? "");
    } else {
      const jwks = createRemoteJWKSet(new URL(`${idp()}/jwks`));
      const { payload } = await jwtVerify(form.get("subject_token") ?? "", jwks, { issuer: idp(), audience: clientId });
      subject = decodeJwt(form.get("subject_token") ?? "").sub ?? "";
      if (payload.sub !== subject || form.get("web_session") === null) throw new Error("no subject or web session");
    }
    const tel = waf.numbers.get(subject) ?? `+121255501${String(waf.numbers.size).padStart(2, "0")}`;
    waf.numbers.set(subject, tel);
    const refreshToken = crypto.randomUUID();
    refreshTokens.set(refreshToken, subject);
    return {
      status: 200,
      body: {
        access_token: crypto.randomUUID(),
        issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
        token_type: "Bearer",
        expires_in: 600,
        scope: "ims.register ims.voice",
        refresh_token: refreshToken,
        ims: {
          impu: "sip:u0001@acme.ims.test",
          tel,
          homeDomain: "ims.test",
          wss: waf.wss,
          iceServers: [],
          services: ["voice"],
          emergencyNumbers: ["112", "911"],
        },
      },
    };
  }

  const waf: FakeWaf = {
    issuer,
    asked: [],
    refusal: undefined,
    numbers: new Map(),
    wss: [],
    forgetRefreshTokens: () => refreshTokens.clear(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return waf;
}
