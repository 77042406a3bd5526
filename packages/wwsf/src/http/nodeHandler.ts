import type { IncomingMessage, ServerResponse } from "node:http";
import type { Wwsf } from "../wwsf.ts";
import { answer, type UserOf } from "./answer.ts";

/**
 * The IMS session of a page as a handler of `node:http`, which is what Express takes as well.
 *
 * @returns a handler that hands on to `next`, where there is one, what `user` throws; without it the answer is a 500
 * @example
 * app.use("/api/ims-session", nodeHandler(wwsf, (request: express.Request) => request.session.user));
 */
export function nodeHandler<Request extends IncomingMessage>(
  wwsf: Wwsf,
  user: UserOf<Request>,
): (request: Request, response: ServerResponse, next?: (error: unknown) => void) => void {
  return (request, response, next) => {
    const header = request.headers["sec-fetch-site"];
    const site = typeof header === "string" ? header : undefined;
    const send = async (): Promise<void> => {
      try {
        const asked = { method: request.method ?? "", site };
        const { status, headers, body } = await answer(wwsf, asked, () => user(request));
        response.writeHead(status, headers).end(body);
      } catch (error) {
        if (next === undefined) response.writeHead(500).end();
        else next(error);
      }
    };
    void send();
  };
}
