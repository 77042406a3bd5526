import { type ImsSession, type Wwsf, WwsfError } from "@portico/wwsf";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { SpeedDial } from "./config.ts";
import type { Colleague, Directory } from "./directory.ts";
import { AcmeError } from "./errors.ts";
import { requireOwnReader } from "./originGuard.ts";
import type { Hub } from "./rtc/hub.ts";
import type { SignIn } from "./signIn.ts";

export interface ApiOptions {
  readonly signIn: SignIn;
  readonly directory: Directory;
  readonly hub: Hub;
  readonly wwsf: Wwsf;
  readonly speedDials: readonly SpeedDial[];
}

/** What the page asks its own server: who she is, whom she can call, and her way into IMS. */
export function mountApi(app: FastifyInstance, options: ApiOptions): void {
  const { signIn, directory, hub, wwsf, speedDials } = options;
  // Nobody is an answer, not an error: the landing page asks too.
  function me(request: FastifyRequest, reply: FastifyReply): unknown {
    const session = signIn.find(request.cookies);
    if (session === undefined) return reply.type("application/json").send("null");
    const { id, name } = session.account;
    return reply.send({ id, name, company: "Acme", speedDials });
  }

  async function colleagues(request: FastifyRequest): Promise<{ colleagues: Colleague[] }> {
    const { account } = signIn.require(request);
    return { colleagues: await directory.colleaguesOf(account.id) };
  }

  async function imsSession(request: FastifyRequest): Promise<ImsSession> {
    requireOwnReader(request);
    const session = signIn.require(request);
    const { handle, idToken, account } = session;
    const answer = await wwsf.imsSession({ session: handle, idToken, displayName: account.name }).catch(inOwnWords);
    if (await directory.learn(session.account.id, answer.tel)) hub.tellDirectoryChanged();
    return answer;
  }

  app.get("/api/me", me);
  app.get("/api/directory", (request) => colleagues(request));
  app.get("/api/ims-session", (request) => imsSession(request));
}

/** The kit's errors have general words; Acme's name its own people and places. */
function inOwnWords(error: unknown): never {
  if (!(error instanceof WwsfError)) throw error;
  const { code } = error;
  const known = code === "portal_busy" ? "portal_unreachable" : code;
  throw new AcmeError(known === "method" ? "bad_request" : known, { cause: error });
}
