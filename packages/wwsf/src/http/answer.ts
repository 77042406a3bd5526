import { WwsfError } from "../errors.ts";
import type { SignedInUser, Wwsf } from "../wwsf.ts";

/** An HTTP answer, for whatever server sends it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty for 204. */
  readonly body: string;
}

/** The signed-in user of a request; undefined for a visitor. */
export type UserOf<Request> = (request: Request) => Promise<SignedInUser | undefined> | SignedInUser | undefined;

/**
 * Answers a request of the site's own page: GET a fresh IMS session, DELETE ends the web session's part at the operator.
 *
 * @param asked `site` is the header Sec-Fetch-Site
 * @throws what `user` throws, and nothing else
 */
export async function answer(
  wwsf: Wwsf,
  asked: { readonly method: string; readonly site: string | undefined },
  user: () => ReturnType<UserOf<unknown>>,
): Promise<Answer> {
  const { method, site } = asked;
  // CORS keeps an answer from a foreign page; this keeps the work from being done.
  if (site !== undefined && site !== "same-origin" && site !== "none") return problem(new WwsfError("foreign_request"));
  if (method !== "GET" && method !== "DELETE") return problem(new WwsfError("method"), { allow: "GET, DELETE" });
  const signedIn = await user();
  if (signedIn === undefined) return problem(new WwsfError("signed_out"));
  try {
    if (method === "DELETE") {
      await wwsf.end(signedIn.session);
      return { status: 204, headers: { "cache-control": "no-store" }, body: "" };
    }
    return json(200, "application/json", await wwsf.imsSession(signedIn));
  } catch (error) {
    if (error instanceof WwsfError) return problem(error);
    throw error;
  }
}

function problem(error: WwsfError, headers: Record<string, string> = {}): Answer {
  const wait = error.retryAfter === undefined ? {} : { "retry-after": String(error.retryAfter) };
  return json(error.status, "application/problem+json", error.toProblem(), { ...headers, ...wait });
}

function json(status: number, type: string, value: unknown, headers: Record<string, string> = {}): Answer {
  // A token is for one page, once (RFC 6749 §5.1).
  return {
    status,
    headers: { "content-type": type, "cache-control": "no-store", ...headers },
    body: JSON.stringify(value),
  };
}
