import type { Wwsf } from "../wwsf.ts";
import { answer, type UserOf } from "./answer.ts";

/**
 * The IMS session of a page as a handler of the Fetch API: for servers that take a `Request` and give a `Response`.
 *
 * @example
 * const handler = fetchHandler(wwsf, (request) => userOfCookie(request.headers.get("cookie")));
 * const response = await handler(new Request("https://talk.acme.example/api/ims-session"));
 */
export function fetchHandler(wwsf: Wwsf, user: UserOf<Request>): (request: Request) => Promise<Response> {
  return async (request) => {
    const site = request.headers.get("sec-fetch-site") ?? undefined;
    const { status, headers, body } = await answer(wwsf, { method: request.method, site }, () => user(request));
    return new Response(status === 204 ? null : body, { status, headers });
  };
}
