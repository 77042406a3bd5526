import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { reachOf } from "./access.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Answer, Call, Endpoint } from "./endpoint.ts";
import { endpoints } from "./endpoints.ts";
import { AdminError, errorCatalogue } from "./errors.ts";
import { IdempotentCreation, type KeptAnswer } from "./idempotency.ts";
import { openApiDocument } from "./openapi.ts";
import { demandIfMatch, etagOf, versionsOf } from "./precondition.ts";
import type { Principal } from "./principal.ts";
import { problemOf, problemType } from "./problem.ts";
import type { Rates } from "./rates.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { AdminServices } from "./services.ts";
import { asAdminError } from "./translate.ts";
import { validatorOf } from "./validation.ts";

/** Where the Admin API lives. */
const base = "/admin/v1";

const defaultBodyLimit = 65_536;

export interface AdminServerOptions {
  readonly services: AdminServices;
  readonly authenticator: Authenticator;
  readonly rates: Rates;
  /** Its listener, which this application answers for and does not close. */
  readonly server: Server;
  readonly telemetry: Telemetry | undefined;
}

/** The Admin API as a Fastify application of its own, not yet listening. */
export function adminServer(o: AdminServerOptions): FastifyInstance {
  o.server.on("clientError", refuseSocket);
  const app = fastify({
    logger: false,
    bodyLimit: defaultBodyLimit,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: 512 },
    serverFactory: () => o.server,
    clientErrorHandler: () => undefined,
    // A path that is no URL reaches no route.
    frameworkErrors: (error, request, reply) => void sendProblem(o.services, request, reply, error),
  });
  o.telemetry?.requests(app, "admin");
  app.setErrorHandler((error, request, reply) => sendProblem(o.services, request, reply, error));
  app.setNotFoundHandler((request, reply) => sendProblem(o.services, request, reply, new AdminError("not_found")));
  app.addHook("onSend", async (_, reply) => {
    reply.header("X-Content-Type-Options", "nosniff");
    if (!reply.hasHeader("Cache-Control")) reply.header("Cache-Control", "no-store");
  });
  acceptBodies(app);

  const creation = new IdempotentCreation(o.services.store, o.services.now);
  for (const endpoint of endpoints) route(app, o, creation, endpoint);
  refuseOtherMethods(app, [...endpoints.map(({ path }) => path), "/openapi.json", "/problems", "/problems/{code}"]);

  let document: object | undefined;
  app.get(`${base}/openapi.json`, () => (document ??= openApiDocument()));
  app.get(`${base}/problems`, () => ({ items: errorCatalogue }));
  app.get<{ Params: { code: string } }>(`${base}/problems/:code`, ({ params: { code } }) => {
    const entry = errorCatalogue.find((one) => one.code === code);
    if (entry === undefined) throw new AdminError("not_found");
    return entry;
  });
  return app;
}

/** JSON is parsed; bodies of an import stay a stream. */
function acceptBodies(app: FastifyInstance): void {
  app.removeContentTypeParser("text/plain");
  for (const type of new Set(endpoints.flatMap(({ textType }) => textType ?? []))) {
    app.addContentTypeParser(type, { parseAs: "string" }, (_, body, done) => done(null, body));
  }
}

function route(app: FastifyInstance, o: AdminServerOptions, creation: IdempotentCreation, endpoint: Endpoint): void {
  const { method, path, params, query, body, guard, success } = endpoint;
  const checks = {
    params: params && validatorOf(params, "path"),
    query: query && validatorOf(query, "query"),
    body: body && validatorOf(body, "body"),
  };
  const admitted = new WeakMap<FastifyRequest, { principal: Principal; scope: Call["scope"] }>();
  app.route({
    method,
    url: base + path.replaceAll(/\{(\w+)\}/g, ":$1"),
    exposeHeadRoute: success.types === undefined,
    bodyLimit: endpoint.bodyLimit ?? defaultBodyLimit,
    // Before the body is read: strangers are not to make the portal work.
    onRequest: async (request) => void admitted.set(request, await admit(o, endpoint, request)),
    handler: async (request, reply) => {
      const who = admitted.get(request);
      if (who === undefined) throw new AdminError("unauthenticated");
      if (query === undefined && Object.keys(request.query as object).length > 0) {
        throw new AdminError("validation_failed", { detail: "the operation has no query parameters" });
      }
      const call: Call = {
        ...who,
        params: checks.params?.(request.params),
        query: checks.query?.(request.query),
        body: isText(request, endpoint) ? request.body : checks.body?.(request.body),
        ifMatch: guard === "version" ? demandIfMatch(request.headers["if-match"]) : "any",
        lastEventId: single(request.headers["last-event-id"]),
        authorization: request.headers.authorization,
        contentType: request.headers["content-type"],
        requestId: request.id,
      };
      const key = guard === "create" ? idempotencyKey(request) : undefined;
      const work = (): Promise<Answer> => audited(o.services, endpoint, call, request.url);
      if (key === undefined) return send(endpoint, request, reply, await work());
      const asked = {
        actor: call.principal.actor,
        key,
        request: { method, url: request.url, body: call.body ?? null },
      };
      const answer = await creation.once(asked, async () => keptOf(endpoint, await work()), withoutSecret);
      return reply.status(answer.status).headers(answer.headers).send(answer.body);
    },
  });
}

function isText({ headers }: FastifyRequest, { textType }: Endpoint): boolean {
  return textType !== undefined && headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase() === textType;
}

/** Authenticates, counts, and asks the table of endpoints and roles. */
async function admit(
  { authenticator, rates, services }: AdminServerOptions,
  { id, path }: Endpoint,
  request: FastifyRequest,
): Promise<{ principal: Principal; scope: Call["scope"] }> {
  rates.checkAddress(request.ip);
  let principal: Principal;
  try {
    principal = await authenticator.principal(request.headers.authorization);
  } catch (error) {
    if (error instanceof AdminError && error.status === 401) rates.failed(request.ip);
    throw error;
  }
  rates.count(principal.actor);
  const reach = reachOf(id, principal.role);
  if (reach === "none") throw new AdminError("role_refused", { detail: `${principal.role} may not ${id}` });
  const scope = reach === "all" ? "all" : { tenant: principal.tenant ?? "" };
  if (path.includes("{tenant}")) {
    const { tenant } = request.params as { tenant: string };
    // Whether it is another's or nobody's, the answer is the same.
    if (scope !== "all" && scope.tenant !== tenant) throw new AdminError("not_found");
    await services.waf.tenants.get(tenant);
  }
  return { principal, scope };
}

/**
 * Every change stands in the audit before it is made, so that not even a kill leaves one without its author; a change
 * that then fails says so in a second record. What the change did is recorded by those who make it, in its transaction.
 */
async function audited(services: AdminServices, endpoint: Endpoint, call: Call, url: string): Promise<Answer> {
  if (endpoint.method === "GET" || endpoint.reads === true) return await endpoint.handle(services, call);
  const { tenant } = (call.params ?? {}) as { tenant?: string };
  const event = {
    tenant,
    actor: call.principal.actor,
    action: `admin.${endpoint.id}`,
    subject: url.slice(base.length).split("?", 1)[0] ?? "",
  };
  const detail = { request: call.requestId, role: call.principal.role };
  await services.audit({ ...event, detail });
  try {
    return await endpoint.handle(services, call);
  } catch (error) {
    const { code } = asAdminError(error);
    await services.audit({ ...event, action: `${event.action}.failed`, detail: { ...detail, code } });
    throw error;
  }
}

function send({ success }: Endpoint, request: FastifyRequest, reply: FastifyReply, answer: Answer): FastifyReply {
  reply.status(answer.status ?? success.status).headers(headersOf(answer));
  if (answer.stream !== undefined) return reply.send(answer.stream);
  const known = versionsOf(request.headers["if-none-match"], true);
  if (answer.version !== undefined && request.method === "GET" && known !== undefined) {
    if (known === "any" || known.includes(String(answer.version))) return reply.status(304).send();
  }
  return reply.send(answer.body);
}

function headersOf({ version, location, headers }: Answer): Record<string, string> {
  return {
    ...(version === undefined ? {} : { ETag: etagOf(version) }),
    ...(location === undefined ? {} : { Location: base + location }),
    ...headers,
  };
}

function keptOf({ success }: Endpoint, answer: Answer): KeptAnswer {
  return { status: answer.status ?? success.status, body: answer.body, headers: headersOf(answer) };
}

/** A secret is shown once, and not kept for a repetition. */
function withoutSecret(answer: KeptAnswer): KeptAnswer {
  const { secret: _, ...body } = answer.body as { secret?: string };
  return { ...answer, body, headers: { ...answer.headers, "Idempotent-Replayed": "true" } };
}

/** draft-ietf-httpapi-idempotency-key-header: a quoted text; plain ones are common and mean the same. */
function idempotencyKey(request: FastifyRequest): string | undefined {
  const header = single(request.headers["idempotency-key"]);
  if (header === undefined) return undefined;
  const key = /^"?([\u0021\u0023-\u007E]{1,255})"?$/.exec(header)?.[1];
  if (key === undefined) {
    const fields = [
      { in: "header", pointer: "/Idempotency-Key", detail: "must be 1 to 255 visible ASCII characters" },
    ] as const;
    throw new AdminError("validation_failed", { fields });
  }
  return key;
}

const single = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(",") : header;

/** RFC 9110 §15.5.6: 405 with Allow. */
function refuseOtherMethods(app: FastifyInstance, paths: readonly string[]): void {
  for (const path of new Set(paths)) {
    const used = new Set<string>(endpoints.filter((endpoint) => endpoint.path === path).map(({ method }) => method));
    if (used.size === 0) used.add("GET");
    const other = (["GET", "POST", "PUT", "PATCH", "DELETE"] as const).filter((method) => !used.has(method));
    app.route({
      method: other,
      url: base + path.replaceAll(/\{(\w+)\}/g, ":$1"),
      exposeHeadRoute: false,
      onRequest: async () => {
        throw new AdminError("method_unknown", { headers: { Allow: [...used].join(", ") } });
      },
      handler: async () => undefined,
    });
  }
}

function sendProblem(
  services: AdminServices,
  request: FastifyRequest,
  reply: FastifyReply,
  thrown: unknown,
): FastifyReply {
  const error = asAdminError(thrown);
  if (error.status >= 500 && error.code === "internal") {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    services.log.alarm("admin.failed", { request: request.id, message });
  }
  if (error.status === 401) reply.header("WWW-Authenticate", 'Bearer realm="Portico Admin API"');
  return (
    reply
      .status(error.status)
      .headers(error.headers)
      .header("Content-Type", problemType)
      // A Buffer: to a text Fastify would add a charset, which the media type does not have.
      .send(Buffer.from(JSON.stringify(problemOf(error, request.id))))
  );
}

/** What is no HTTP, or has headers too large, ends with a problem as well. */
function refuseSocket(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const code = error.code === "HPE_HEADER_OVERFLOW" ? "headers_too_large" : "request_malformed";
  const problem = problemOf(new AdminError(code), randomUUID());
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\nContent-Type: ${problemType}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
