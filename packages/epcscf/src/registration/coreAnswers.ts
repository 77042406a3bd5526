import type { HeaderList, SipResponse } from "@portico/sip";
import type { EpcscfErrorCode } from "../errors.ts";

/** What a refusal of the core means for the browser, for the operator and for the registration. */
export interface CoreAnswer {
  /** What the browser is answered; its status and its words are those of the catalogue. */
  readonly error: EpcscfErrorCode;
  /** Event of the alarm, where only the operator can mend it. */
  readonly alarm?: string;
  /** True: a registration that lives is over in the core as well, or must not live on. */
  readonly ends?: boolean;
  /** True: the core may have bound it all the same. */
  readonly unsure?: boolean;
  readonly clause: string;
}

/**
 * The core's final answers to a trusted-node REGISTER other than 2xx. A status that does not stand here is judged by its class,
 * as RFC 3261 §8.1.3.2 asks.
 */
const answers: Readonly<Record<string, CoreAnswer>> = {
  // A redirection names elements of the core: the browser is to come again, the entry point to choose another S-CSCF.
  "3xx": { error: "epcscf/core-reselecting", clause: "TS 23.380 §4; RFC 3261 §8.1.3.4" },
  400: { error: "epcscf/core-refuses-request", alarm: "core.refuses-request", clause: "RFC 3261 §21.4.1" },
  // In scenarios 2 and 3 the core never challenges: this one has not been told to trust the node.
  401: { error: "epcscf/core-challenge", alarm: "core.challenged-trusted-node", clause: "TS 33.203 §U.1" },
  403: {
    error: "epcscf/core-forbids",
    alarm: "core.identity-refused",
    ends: true,
    clause: "TS 24.229 §5.4.1.2; TS 29.229 §6.2",
  },
  404: {
    error: "epcscf/core-unknown-identity",
    alarm: "core.identity-unknown",
    ends: true,
    clause: "RFC 3261 §21.4.4",
  },
  407: { error: "epcscf/core-challenge", alarm: "core.challenged-trusted-node", clause: "TS 33.203 §U.1" },
  408: { error: "epcscf/core-unreachable", alarm: "core.unreachable", unsure: true, clause: "RFC 3261 §21.4.9" },
  // What REGISTER requires is this node's choice, not the browser's.
  420: { error: "epcscf/core-lacks-extension", alarm: "core.lacks-extension", clause: "RFC 3327 §5.1" },
  421: { error: "epcscf/core-refuses-request", alarm: "core.refuses-request", clause: "RFC 3261 §21.4.16" },
  423: { error: "epcscf/interval-too-brief", clause: "RFC 3261 §10.2.8" },
  439: { error: "epcscf/core-lacks-outbound", alarm: "core.lacks-outbound", clause: "RFC 5626 §11.6" },
  480: { error: "epcscf/core-reselecting", clause: "TS 24.229 §5.3.1.3; TS 23.380 §4" },
  482: { error: "epcscf/core-refuses-request", alarm: "core.refuses-request", clause: "RFC 3261 §21.4.20" },
  483: { error: "epcscf/core-refuses-request", alarm: "core.refuses-request", clause: "RFC 3261 §21.4.21" },
  "4xx": { error: "epcscf/core-refuses-request", alarm: "core.refuses-request", clause: "RFC 3261 §8.1.3.2" },
  503: { error: "epcscf/core-busy", unsure: true, clause: "RFC 3261 §21.5.4" },
  504: { error: "epcscf/core-unreachable", alarm: "core.unreachable", unsure: true, clause: "TS 24.229 §5.2.2.1" },
  "5xx": { error: "epcscf/core-failed", unsure: true, clause: "RFC 3261 §21.5.1" },
  604: {
    error: "epcscf/core-unknown-identity",
    alarm: "core.identity-unknown",
    ends: true,
    clause: "RFC 3261 §21.6.3",
  },
  "6xx": { error: "epcscf/core-forbids", alarm: "core.identity-refused", ends: true, clause: "RFC 3261 §21.6" },
};

/** No answer came before Timer F, or there was no way to the home network. */
const none: CoreAnswer = {
  error: "epcscf/core-unreachable",
  alarm: "core.unreachable",
  unsure: true,
  clause: "TS 24.229 §5.2.2.1",
};

/** @param response undefined: none came. */
export function coreAnswer(response: SipResponse | undefined): CoreAnswer {
  if (response === undefined) return none;
  const { status } = response;
  return answers[status] ?? answers[`${Math.floor(status / 100)}xx`] ?? none;
}

/** Every row with a status or a class of them, for the tests. */
export const coreAnswerRows: readonly (readonly [status: string, answer: CoreAnswer])[] = Object.entries(answers);

/** What of the core's answer the browser is to see beside the error: when to come again, for how long to ask. */
export function answerHeaders(response: SipResponse | undefined): HeaderList {
  if (response === undefined) return [];
  const headers: [string, string][] = [["Reason", `SIP;cause=${response.status}`]];
  const retry = seconds(response.get("Retry-After"));
  if (retry !== undefined) headers.push(["Retry-After", String(retry)]);
  const least = seconds(response.get("Min-Expires"));
  if (response.status === 423 && least !== undefined) headers.push(["Min-Expires", String(least)]);
  return headers;
}

/** A number of seconds, without the comment and parameters that RFC 3261 §20.33 allows. */
function seconds(value: string | undefined): number | undefined {
  const digits = /^\s*(\d{1,10})\b/.exec(value ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}
