import type { ImsSession } from "@portico/wic";

/** The signed-in user, as Acme knows her. */
export interface Me {
  readonly id: string;
  readonly name: string;
  readonly company: string;
  readonly speedDials: readonly { readonly label: string; readonly number: string }[];
}

/** A colleague of the directory. */
export interface Colleague {
  readonly id: string;
  readonly name: string;
  readonly presence: "online" | "busy" | "offline";
  /** `+` and digits, while the operator has a number assigned to her. */
  readonly tel?: string;
}

/** What to tell the user about something that failed. */
export interface Problem {
  readonly title: string;
  readonly detail: string;
  readonly remedy: string;
}

/** An answer of the server that is no success, or no answer at all (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.title);
    this.name = "ApiError";
    this.status = status;
    this.problem = problem;
  }
}

const noAnswer: Problem = {
  title: "Acme does not answer",
  detail: "The connection to Acme's server failed.",
  remedy: "Check your network. We keep trying.",
};

async function ask<T>(path: string, method: "GET" | "POST" = "GET"): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { method, headers: { "x-acme-talk": "1" }, signal: AbortSignal.timeout(15_000) });
  } catch {
    throw new ApiError(0, noAnswer);
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body as T;
  throw new ApiError(response.status, isProblem(body) ? body : noAnswer);
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "title" in body && "detail" in body && "remedy" in body;
}

export const api = {
  /** Null for a visitor. */
  me: (): Promise<Me | null> => ask("/api/me"),
  directory: (): Promise<{ colleagues: Colleague[] }> => ask("/api/directory"),
  imsSession: (): Promise<ImsSession> => ask("/api/ims-session"),
  /** Ends the web session; the browser goes on to `next` to leave the identity provider too. */
  logout: (): Promise<{ next: string }> => ask("/api/logout", "POST"),
};
