import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Wwsf } from "../wwsf.ts";
import { answer, type UserOf } from "./answer.ts";

export interface FastifyPluginOptions {
  readonly wwsf: Wwsf;
  readonly user: UserOf<FastifyRequest>;
  /** Path of the resource. */
  readonly path: string;
}

/**
 * The IMS session of a page as a Fastify plugin.
 *
 * @example
 * await app.register(fastifyPlugin, { wwsf, user: (request) => userOf(request), path: "/api/ims-session" });
 */
export const fastifyPlugin: FastifyPluginAsync<FastifyPluginOptions> = async (app, { wwsf, user, path }) => {
  app.route({
    method: ["GET", "DELETE"],
    url: path,
    handler: async (request, reply) => {
      const header = request.headers["sec-fetch-site"];
      const site = typeof header === "string" ? header : undefined;
      const { status, headers, body } = await answer(wwsf, { method: request.method, site }, () => user(request));
      return await reply.code(status).headers(headers).send(body);
    },
  });
};
