import { SipError, type Body, type HeaderList, type ServerTransaction } from "@portico/sip";
import { EpcscfError, TokenError } from "./errors.ts";
import { allow, extensions } from "./policy/allow.ts";
import { restoration } from "./policy/restoration.ts";
import type { Log } from "./ports.ts";
import type { Authorisation } from "./registration/authorisation.ts";

export interface RefuserOptions {
  readonly log: Log;
  readonly authorisation: Authorisation;
  /** Host and port of this node on Mw, for Warning. */
  readonly agent: string;
  /** Host and port of this node on W2. */
  readonly accessSentBy: string;
}

export type Refusal = readonly [
  status: number,
  options: { readonly reason?: string; readonly headers: HeaderList; readonly body?: Body },
];

/** Turns what a handler threw into the answer the peer gets: no fault of one request ends the process. */
export class Refuser {
  readonly #options: RefuserOptions;

  constructor(options: RefuserOptions) {
    this.#options = options;
  }

  refuse(tx: ServerTransaction, error: unknown): void {
    tx.reply(...this.of(tx, error));
  }

  of({ request }: ServerTransaction, error: unknown): Refusal {
    const { log, authorisation, accessSentBy } = this.#options;
    const { method } = request;
    if (error instanceof TokenError) {
      log.info("request.refused", { method, code: error.code });
      return [401, { headers: [authorisation.challenge(error)] }];
    }
    if (error instanceof EpcscfError) {
      log.info("request.refused", { method, code: error.code });
      if (error.code === "epcscf/scscf-lost") {
        return [error.status, { reason: error.message, ...restoration(`sip:${accessSentBy}`) }];
      }
      const headers = [...error.headers, ...this.#extras(error, request.list("Require"))];
      return [error.status, { reason: error.message, headers }];
    }
    // A header that only the handler reads, and cannot: the sender's fault.
    if (error instanceof SipError && error.status < 500) {
      log.info("request.refused", { method, code: error.code });
      return [error.status, { headers: [] }];
    }
    log.alarm("request.internal", { method, message: error instanceof Error ? error.message : "unknown" });
    return [500, { headers: [] }];
  }

  /** Header fields that go with a status (RFC 3261 §21.4). */
  #extras({ code, status, message }: EpcscfError, required: readonly string[]): HeaderList {
    if (code === "epcscf/registration-over") return [["Retry-After", "1"]];
    switch (status) {
      case 403:
      case 486:
        return [["Warning", `399 ${this.#options.agent} "${message}"`]];
      case 405:
        return [["Allow", allow]];
      case 415:
        return [["Accept", "application/sdp"]];
      case 420:
        return [["Unsupported", required.filter((option) => !extensions.includes(option)).join(", ")]];
      case 488:
        return [["Warning", `305 ${this.#options.agent} "${message}"`]];
      default:
        return [];
    }
  }
}
