import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type Provider from "oidc-provider";
import { AcmeError } from "../errors.ts";
import { signInPage, errorPage } from "../pages.ts";
import { sameOrigin } from "../originGuard.ts";
import type { Accounts } from "./accounts.ts";
import { SignInLimits } from "./signInLimits.ts";

/** Octets of a sign-in form at most. */
const formLimit = 4096;

/** Mounts the identity provider under `/idp`, with its sign-in form at `/idp/interaction/:uid`. */
export function mountIdp(app: FastifyInstance, provider: Provider, accounts: Accounts, publicUrl: string): void {
  const limits = new SignInLimits(now);

  void app.register((scope, _, done) => {
    scope.addContentTypeParser(
      "application/x-www-form-urlencoded",
      { parseAs: "string", bodyLimit: formLimit },
      (_request, body, parsed) => parsed(null, new URLSearchParams(String(body))),
    );

    scope.get("/idp/interaction/:uid", async (request, reply) => {
      if (!(await isOpen(provider, request, reply))) return html(reply.code(400), errorPage("sign_in_failed"));
      return html(reply, signInPage());
    });

    scope.post("/idp/interaction/:uid", async (request, reply) => {
      if (!sameOrigin(request, publicUrl)) throw new AcmeError("foreign_request");
      if (!(await isOpen(provider, request, reply))) return html(reply.code(400), errorPage("sign_in_failed"));
      const form = request.body as URLSearchParams;
      const username = (form.get("username") ?? "").slice(0, 64);
      const user = username.trim().toLowerCase();
      const wait = limits.admit(user, request.ip);
      if (wait > 0) {
        const words = `Too many attempts. Wait ${wait} ${wait === 1 ? "second" : "seconds"}, then try again.`;
        return html(reply.code(429).header("retry-after", wait), signInPage(words, username));
      }
      const account = await accounts.verify(username, (form.get("password") ?? "").slice(0, 256));
      if (account === undefined)
        return html(reply.code(401), signInPage("User name and password do not fit together.", username));
      limits.succeeded(user, request.ip);
      reply.hijack();
      await provider.interactionFinished(
        request.raw,
        reply.raw,
        { login: { accountId: account.id } },
        { mergeWithLastSubmission: false },
      );
      return reply;
    });
    done();
  });

  void app.register((scope, _, done) => {
    const handle = provider.callback();
    // The provider reads its own bodies.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, parsed) => parsed(null));
    scope.all("/idp/*", async (request, reply) => {
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      const raw = Object.assign(request.raw, { originalUrl: request.raw.url });
      raw.url = (raw.url ?? "").slice("/idp".length);
      await handle(raw, reply.raw);
    });
    done();
  });
}

/** True while the sign-in that this address belongs to waits for its user. */
async function isOpen(provider: Provider, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
  try {
    const { prompt } = await provider.interactionDetails(request.raw, reply.raw);
    return prompt.name === "login";
  } catch {
    return false;
  }
}

const html = (reply: FastifyReply, text: string): FastifyReply =>
  reply.header("content-type", "text/html; charset=utf-8").send(text);

const now = (): number => performance.now();
