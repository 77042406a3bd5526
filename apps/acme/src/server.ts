import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import cookie from "@fastify/cookie";
import { Wwsf } from "@portico/wwsf";
import Fastify, { type FastifyInstance } from "fastify";
import { importJWK, importPKCS8, type CryptoKey, type JWK } from "jose";
import { mountApi } from "./api.ts";
import { openAssets, type Asset } from "./assets.ts";
import type { AcmeConfig } from "./config.ts";
import { Directory } from "./directory.ts";
import { AcmeError } from "./errors.ts";
import { securityHeaders } from "./headers.ts";
import { Accounts } from "./idp/accounts.ts";
import { createIdp, generateIdpKey } from "./idp/provider.ts";
import { mountIdp } from "./idp/routes.ts";
import { Hub } from "./rtc/hub.ts";
import { openSocketServer } from "./rtc/socketServer.ts";
import { SignIn } from "./signIn.ts";
import { WebSessions } from "./webSessions.ts";

/** Octets of an API request at most; none carries much. */
const bodyLimit = 4096;
/** Milliseconds in which a request, headers and body, must have come. */
const requestTimeout = 15_000;

/** The running site. */
export interface Acme {
  /** The address for the browser. */
  readonly url: string;
  /** True when the portal answers; without it, only direct calls work. */
  portalReachable(): Promise<boolean>;
  /** Ends every session and socket. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts Acme's web site.
 * @throws Error with code `EADDRINUSE` when the port is taken, or when a key or certificate cannot be read.
 */
export async function startAcme(config: AcmeConfig): Promise<Acme> {
  // The port first: a chosen one becomes part of the issuer's name, and a taken one is told before anything else is done.
  const server = await listen(config);
  try {
    return await compose(config, server);
  } catch (error) {
    server.close();
    throw error;
  }
}

async function compose(config: AcmeConfig, server: Server): Promise<Acme> {
  const publicUrl = withPort(config.publicUrl, server);
  const [assets, accounts, key, idpKey] = await Promise.all([
    openAssets(),
    Accounts.open(config.users),
    readKey(config.clientKey),
    config.idpKey === undefined ? generateIdpKey() : readJwk(config.idpKey),
  ]);
  const client = { id: config.clientId, secret: randomBytes(32).toString("base64url") };
  const provider = await createIdp({
    issuer: `${publicUrl}/idp`,
    accounts,
    client: { ...client, redirectUri: `${publicUrl}/callback`, home: `${publicUrl}/` },
    key: idpKey,
  });
  const wwsf = new Wwsf({
    ...config.waf,
    clientId: config.clientId,
    authentication: { method: "private_key_jwt", key },
    scope: "ims.register ims.voice",
  });
  const hub = new Hub((ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  });
  const sessions = new WebSessions((session) => {
    hub.endSession(session.handle);
    void wwsf.end(session.handle);
  });
  const directory = new Directory(accounts.all(), wwsf, (user) => hub.presenceOf(user));
  const signIn = new SignIn({ publicUrl, client, accounts, sessions });

  let serve: RequestListener = notYet;
  const app = Fastify({
    bodyLimit,
    forceCloseConnections: true,
    serverFactory(handler) {
      serve = handler;
      return server;
    },
  });
  await app.register(cookie);
  guard(app, publicUrl, config);
  mountIdp(app, provider, accounts, publicUrl);
  signIn.mount(app);
  mountAssets(app, assets);

  mountApi(app, { signIn, directory, hub, wwsf, speedDials: config.speedDials });

  await app.ready();
  server.off("request", notYet).on("request", serve);
  const sockets = openSocketServer({
    server,
    publicUrl,
    hub,
    sessionOf: (request: IncomingMessage) => signIn.find(app.parseCookie(request.headers.cookie ?? "")),
  });

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    hub.close();
    sockets.close();
    sessions.close();
    await app.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: publicUrl, portalReachable: () => wwsf.isReachable(), close: () => (closing ??= close()) };
}

/** Security headers on every answer, one host name, errors from the catalogue, nothing cached but the hashed script. */
function guard(app: FastifyInstance, publicUrl: string, { portalOrigins }: AcmeConfig): void {
  const headers = securityHeaders(publicUrl, portalOrigins);
  const { host } = new URL(publicUrl);
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(headers).header("cache-control", "no-store");
    if (request.headers.host === host) return;
    if (request.method !== "GET" || request.url !== "/") throw new AcmeError("misdirected");
    await reply.redirect(`${publicUrl}/`, 307);
  });
  app.setErrorHandler((error, _, reply) => {
    const known = toAcmeError(error);
    return reply.code(known.status).send(known.toProblem());
  });
  app.setNotFoundHandler(() => {
    throw new AcmeError("not_found");
  });
}

function toAcmeError(error: unknown): AcmeError {
  if (error instanceof AcmeError) return error;
  const status = (error as { statusCode?: unknown }).statusCode;
  return new AcmeError(typeof status === "number" && status < 500 ? "bad_request" : "internal", { cause: error });
}

function mountAssets(app: FastifyInstance, assets: ReadonlyMap<string, Asset>): void {
  for (const [path, { type, body, immutable }] of assets)
    app.get(path, async (_, reply) => {
      if (immutable) reply.header("cache-control", "public, max-age=31536000, immutable");
      return reply.type(type).send(body);
    });
}

async function listen({ host, port, tls }: AcmeConfig): Promise<Server> {
  const bounds = { requestTimeout };
  const server =
    tls === undefined
      ? createHttpServer(bounds)
      : createHttpsServer({ ...bounds, cert: await readFile(tls.cert), key: await readFile(tls.key) });
  server.on("request", notYet);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return server;
}

/** Answers while the site starts: pages that were open before come back at once, and would wait for ever. */
function notYet(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503, { "retry-after": "1", connection: "close" }).end();
}

/** The public URL; port 0 stands for the one the system chose. */
function withPort(publicUrl: string, server: Server): string {
  const url = new URL(publicUrl);
  const address = server.address();
  if (url.port === "0" && typeof address === "object" && address !== null) url.port = String(address.port);
  return url.origin;
}

const readJwk = async (file: string): Promise<JWK> => JSON.parse(await readFile(file, "utf8")) as JWK;

async function readKey(file: string): Promise<CryptoKey> {
  const text = await readFile(file, "utf8");
  if (text.includes("-----BEGIN")) return importPKCS8(text, "ES256");
  const key = await importJWK(JSON.parse(text) as JWK, "ES256");
  if (key instanceof Uint8Array) throw new Error(`${file}: not a private key`);
  return key;
}
