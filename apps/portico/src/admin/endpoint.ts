import type { Readable } from "node:stream";
import type { Static, TSchema } from "typebox";
import type { OperationId } from "./access.ts";
import type { AdminErrorCode } from "./errors.ts";
import type { Principal } from "./principal.ts";
import type { AdminServices } from "./services.ts";

/** One request that has passed authentication, guard and validation. */
export interface Call<Params = unknown, Query = unknown, Body = unknown> {
  readonly principal: Principal;
  /** The tenants this call may reach: one, or all. */
  readonly scope: { readonly tenant: string } | "all";
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Versions If-Match names; "any" for `*`. Only where the endpoint demands it. */
  readonly ifMatch: readonly string[] | "any";
  /** Last-Event-ID of an event stream. */
  readonly lastEventId: string | undefined;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  /** Id of the request in log, audit and problem. */
  readonly requestId: string;
}

/** What a handler answers with. */
export interface Answer {
  /** Absent: that of the endpoint. */
  readonly status?: number;
  readonly body?: unknown;
  /** A body that is written as it comes. */
  readonly stream?: Readable;
  /** Version of the representation; becomes the ETag. */
  readonly version?: number | string;
  /** Path of what was made, below /admin/v1. */
  readonly location?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

/** One operation of the Admin API: what the router, the guard, the validator and the OpenAPI document know of it. */
export interface Endpoint {
  readonly id: OperationId;
  readonly method: Method;
  /** Below /admin/v1, with `{name}` for parameters. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** Media type in which the body may come as well, as text that the handler reads itself. */
  readonly textType?: string;
  /** Octets of a body; absent: 64 KiB. */
  readonly bodyLimit?: number;
  readonly success: {
    readonly status: 200 | 201 | 202 | 204;
    readonly description: string;
    readonly body?: TSchema;
    /** Media types with which the body streams; absent: application/json. */
    readonly types?: readonly string[];
    readonly etag?: true;
  };
  /** Problems of its own; those of every endpoint are added. */
  readonly problems?: readonly AdminErrorCode[];
  /** `version`: demands If-Match. `create`: takes Idempotency-Key. */
  readonly guard?: "version" | "create";
  /** A POST that changes nothing and needs no audit. */
  readonly reads?: true;
  handle(services: AdminServices, call: Call): Promise<Answer>;
}

type Of<S> = S extends TSchema ? Static<S> : undefined;

/** Declares an endpoint, with the types its schemas say. */
export function endpoint<
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  B extends TSchema | undefined = undefined,
>(
  definition: Omit<Endpoint, "params" | "query" | "body" | "handle"> & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    handle(services: AdminServices, call: Call<Of<P>, Of<Q>, Of<B>>): Promise<Answer>;
  },
): Endpoint {
  return definition as Endpoint;
}
