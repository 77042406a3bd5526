import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { SharedState } from "@portico/store";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { ClientCertificate } from "../client/certificate.ts";
import { WafError } from "../errors.ts";
import { Form } from "./form.ts";
import { type Rate, RateLimits } from "./rateLimits.ts";
import { endpoints, metadata } from "./metadata.ts";
import { anonymousRate } from "../token/anonymous.ts";
import { parseRestrictions } from "../token/restrictions.ts";
import { subjectTokenTypes } from "../token/subject.ts";
import type { SessionRequest, TokenResponse } from "../token/tokens.ts";
import type { Client, Waf } from "../waf.ts";

const exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange";
/** RFC 6749 §4.4: for a session without a user that is known. */
const anonymousGrant = "client_credentials";
const tokenType = "urn:ietf:params:oauth:token-type";
/** Octets; an ID token with many claims has some 8 KiB. */
const bodyLimit = 32 * 1024;

/** Rates the routes admit; the defaults suit a WWSF with some ten thousand users. */
export interface WafRates {
  /** Requests of one authenticated client, unless its tenant has a rate of its own. */
  readonly client: Rate;
  /** Failed authentications from one address. */
  readonly failures: Rate;
}

export interface WafRoutesOptions {
  readonly rates?: WafRates;
  /** Counts for all nodes together; absent: each node counts by itself. */
  readonly shared?: Pick<SharedState, "take">;
  /**
   * URL, without a slash at the end, under which a server with these routes asks for client certificates (RFC 8705 §5):
   * `requestCert` with the operator's authorities in `ca`, and `rejectUnauthorized` false, since some clients sign
   * their own. Absent: none does.
   */
  readonly mutualTls?: string;
  /** The certificate that came with a request; absent: that of its connection. */
  readonly certificateOf?: (request: IncomingMessage) => ClientCertificate | undefined;
}

const defaultRates: WafRates = {
  client: { burst: 500, perSecond: 50 },
  failures: { burst: 20, perSecond: 1 },
};

/**
 * The WAF over HTTP (W4) as a Fastify plugin, under the path of the WAF's issuer.
 *
 * @example
 * const app = fastify();
 * await app.register(wafRoutes(waf));
 */
export function wafRoutes(waf: Waf, o: WafRoutesOptions = {}): FastifyPluginAsync {
  const { mutualTls, rates = defaultRates, certificateOf = connectionCertificate } = o;
  const limits = new RateLimits({ shared: o.shared, failures: rates.failures, now: () => waf.now() });

  /** Authenticates the client of a form and counts the request against it. */
  async function admit(request: FastifyRequest, form: Form): Promise<Client> {
    limits.refuseBlocked(request.ip);
    const credentials = {
      clientId: form.get("client_id", 255),
      assertionType: form.get("client_assertion_type"),
      assertion: form.get("client_assertion"),
      certificate: certificateOf(request.raw),
    };
    const client = await waf.authenticate(credentials).catch(async (error: unknown) => {
      // Only failures are counted by address: behind one address may stand several honest clients.
      if (error instanceof WafError && error.status === 401) await limits.failed(request.ip);
      throw error;
    });
    const { clientId } = client.document;
    await limits.admit(clientId, client.tenant.limits?.tokenRate ?? rates.client);
    return client;
  }

  const { pathname } = new URL(waf.issuer);
  return async (app) => {
    acceptForms(app);
    app.setErrorHandler(sendError);

    // RFC 8414 §3.1: the well-known part goes between host and path of the issuer.
    app.get(`/.well-known/oauth-authorization-server${pathname}`, async () => metadata(waf.issuer, mutualTls));
    app.get(`${pathname}/jwks`, async (_, reply) =>
      reply.header("Cache-Control", "public, max-age=300").send(waf.jwks),
    );

    app.post(`${pathname}/token`, async (request, reply) => {
      const form = formOf(request, reply);
      const client = await admit(request, form);
      const urls = [waf.issuer, mutualTls ?? waf.issuer].map((base) => `${base}${endpoints.token_endpoint}`);
      const context = { address: request.ip, proofKey: await provenKey(waf, request, urls) };
      if (form.get("grant_type") !== anonymousGrant) return await grant(waf, client, form, context);
      const { clientId } = client.document;
      await limits.admit(`${clientId} anonymous`, client.tenant.anonymous?.rate ?? anonymousRate);
      return await waf.admit(client, sessionOf(form, context));
    });
    app.post(`${pathname}/introspect`, async (request, reply) => {
      const form = formOf(request, reply);
      const client = await admit(request, form);
      return await waf.introspect(client, form.need("token"));
    });
    app.post(`${pathname}/revoke`, async (request, reply) => {
      const form = formOf(request, reply);
      const client = await admit(request, form);
      await waf.revoke(client, form.need("token"));
      return {};
    });
    app.post(`${pathname}/identities`, async (request, reply) => {
      const form = formOf(request, reply);
      const client = await admit(request, form);
      return await waf.identity(client, form.need("subject", 255), form.get("subject_issuer", 255));
    });
    app.post(`${pathname}/identities/assign`, async (request, reply) => {
      const form = formOf(request, reply);
      const client = await admit(request, form);
      const [subject, issuer] = [form.need("subject", 255), form.get("subject_issuer", 255)];
      return await waf.assign(client, { subject, issuer, impu: form.get("impu", 255) });
    });
    app.post(`${pathname}/identities/end`, async (request, reply) => {
      const form = formOf(request, reply);
      const client = await admit(request, form);
      await waf.endUser(client, form.need("subject", 255), form.get("subject_issuer", 255));
      return {};
    });
  };
}

type Context = Pick<SessionRequest, "address" | "proofKey">;

async function grant(waf: Waf, client: Client, form: Form, context: Context): Promise<TokenResponse> {
  const type = form.need("grant_type");
  if (type === "refresh_token") {
    return await waf.refresh(client, {
      refreshToken: form.need("refresh_token", 255),
      webSession: form.get("web_session", 128),
      ...context,
    });
  }
  if (type !== exchangeGrant) throw new WafError("grant_unsupported");
  form.fixed("requested_token_type", `${tokenType}:access_token`);
  const subjectTokenType = subjectTokenTypes[form.need("subject_token_type") as keyof typeof subjectTokenTypes];
  if (subjectTokenType === undefined) {
    throw new WafError(
      "request_malformed",
      `subject_token_type must be ${Object.keys(subjectTokenTypes).join(" or ")}`,
    );
  }
  return await waf.exchange(client, {
    subjectToken: form.need("subject_token"),
    subjectTokenType,
    impu: form.get("impu", 255),
    ...sessionOf(form, context),
  });
}

function sessionOf(form: Form, context: Context): SessionRequest {
  const restrictions = form.get("restrictions", 4096);
  return {
    webSession: form.need("web_session", 128),
    audience: form.get("audience", 255),
    scope: form.get("scope", 1024),
    restrictions: restrictions === undefined ? undefined : parseRestrictions(restrictions),
    ...context,
  };
}

/** The key that a DPoP proof of the request proves, if there is one. */
async function provenKey(waf: Waf, request: FastifyRequest, urls: readonly string[]): Promise<string | undefined> {
  const proof = request.headers["dpop"];
  if (proof === undefined) return undefined;
  // Node joins repeated headers, and no proof has a comma.
  if (typeof proof !== "string" || proof.length > 4096) throw new WafError("proof_refused");
  return await waf.proofKey(proof, { method: request.method, urls });
}

/** The certificate of the connection, where the server asks for one (RFC 8705 §2). */
export function connectionCertificate({ socket }: IncomingMessage): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const x509 = socket.getPeerX509Certificate();
  return x509 && { x509, trusted: socket.authorized };
}

function acceptForms(app: FastifyInstance): void {
  const type = "application/x-www-form-urlencoded";
  // The application may have a form parser of its own; in here bodies stay text, so that repeats are seen.
  if (app.hasContentTypeParser(type)) app.removeContentTypeParser(type);
  app.addContentTypeParser(type, { parseAs: "string", bodyLimit }, (_, body, done) => done(null, body));
}

function formOf(request: FastifyRequest, reply: FastifyReply): Form {
  // RFC 6749 §5.1
  reply.header("Cache-Control", "no-store").header("Pragma", "no-cache");
  if (typeof request.body !== "string") {
    throw new WafError("request_malformed", "the body is not application/x-www-form-urlencoded");
  }
  return new Form(request.body);
}

/** Every error as RFC 6749 §5.2 says, with our own stable name in `reason`. */
function sendError(
  thrown: Error & { statusCode?: number },
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const error = thrown instanceof WafError ? thrown : wrapped(thrown);
  if (error.status >= 500) request.log.error({ reason: error.code, cause: thrown.message }, "WAF request failed");
  if (error.retryAfter !== undefined) reply.header("Retry-After", String(error.retryAfter));
  const status = thrown instanceof WafError ? error.status : (thrown.statusCode ?? error.status);
  return reply
    .header("Cache-Control", "no-store")
    .status(status)
    .send({
      error: error.error,
      error_description: printable(`${error.message}. ${error.remedy}`),
      reason: error.code,
    });
}

/** Fastify refuses bodies that are too long or of another type by itself, with a status below 500. */
function wrapped(thrown: { statusCode?: number }): WafError {
  const refused = thrown.statusCode !== undefined && thrown.statusCode < 500;
  return new WafError(refused ? "request_malformed" : "server_error");
}

/** RFC 6749 §5.2 allows %x20-21, %x23-5B and %x5D-7E only. */
const printable = (text: string): string => text.replaceAll(/[^\u0020\u0021\u0023-\u005B\u005D-\u007E]/g, "'");
