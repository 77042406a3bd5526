import type { SipMessage, SipResponse } from "@portico/sip";
import type { WicError } from "./errors.ts";

/** Why a call ended, in words of the telephone. */
export type EndCause =
  | "hung-up"
  | "remote-hung-up"
  | "cancelled"
  | "busy"
  | "no-answer"
  | "declined"
  | "answered-elsewhere"
  | "declined-elsewhere"
  | "not-found"
  | "unreachable"
  | "forbidden"
  | "not-acceptable"
  | "emergency"
  | "network"
  | "media"
  | "microphone"
  | "failed";

/** How a call ended. */
export interface CallEnd {
  readonly cause: EndCause;
  /** A sentence for the user. */
  readonly message: string;
  /** SIP status where a response ended it. */
  readonly status?: number;
  /** More for the person who looks into it. */
  readonly error?: WicError;
}

const sentences: Record<EndCause, string> = {
  "hung-up": "Call ended",
  "remote-hung-up": "The other side has hung up",
  cancelled: "Call cancelled",
  busy: "Busy",
  "no-answer": "No answer",
  declined: "Call declined",
  "answered-elsewhere": "Answered on another device",
  "declined-elsewhere": "Declined on another device",
  "not-found": "This number is not in service",
  unreachable: "Not reachable at the moment",
  forbidden: "This call is not allowed",
  "not-acceptable": "The other side cannot take a voice call from here",
  emergency: "Emergency calls are not possible here: use another telephone",
  network: "The telephone network did not carry the call",
  media: "No voice connection",
  microphone: "The microphone cannot be used",
  failed: "The call failed",
};

/** Builds a {@link CallEnd} with its sentence. */
export function callEnd(cause: EndCause, more: { status?: number; error?: WicError; message?: string } = {}): CallEnd {
  return { cause, message: sentences[cause], ...more };
}

/** What a final error response to our INVITE means; `rang` when the other side had been alerted. */
export function endByResponse(response: SipResponse, rang: boolean): CallEnd {
  const { status } = response;
  const emergency = emergencyReason(response);
  if (emergency !== undefined) return callEnd("emergency", { status, ...(emergency !== "" && { message: emergency }) });
  // RFC 3326: a gateway's Q.850 cause says more than the SIP status it was mapped to.
  return callEnd(causeByQ850(reasonCause(response, "q.850")) ?? causeByStatus(status, rang), { status });
}

/** What the Reason of a CANCEL means for a call that rang here (RFC 3326; RFC 3261 §9). */
export function endByCancel(cancel: SipMessage): CallEnd {
  const cause = reasonCause(cancel, "sip");
  if (cause === 200) return callEnd("answered-elsewhere");
  if (cause === 600 || cause === 603 || cause === 486) return callEnd("declined-elsewhere");
  return callEnd("cancelled");
}

/** What a BYE of the other side means: a normal end unless its Reason names a failure. */
export function endByBye(bye: SipMessage | undefined): CallEnd {
  if (bye === undefined) return callEnd("remote-hung-up");
  const sip = reasonCause(bye, "sip");
  const q850 = reasonCause(bye, "q.850");
  // Q.850 causes 34 to 47 are "resource unavailable", 102 and above protocol errors.
  const failed =
    (q850 !== undefined && ((q850 >= 34 && q850 <= 47) || q850 >= 97)) || (sip !== undefined && sip >= 400);
  return callEnd(failed ? "network" : "remote-hung-up");
}

/** Reason of a BYE or CANCEL that ends a call so (RFC 3326, TS 24.229 §7.2A.18.11). */
export function releaseCause({ cause }: CallEnd): [string, string][] {
  if (cause === "media") return [["Reason", 'RELEASE_CAUSE;cause=3;text="Media bearer loss"']];
  const byUser = cause === "hung-up" || cause === "cancelled";
  return byUser ? [["Reason", 'RELEASE_CAUSE;cause=1;text="User ends call"']] : [];
}

/** The `cause` parameter of the Reason of one protocol. */
function reasonCause(message: SipMessage, protocol: string): number | undefined {
  for (const value of message.list("Reason")) {
    const [name, ...params] = value.split(";");
    if (name?.trim().toLowerCase() !== protocol) continue;
    const cause = params.map((param) => /^\s*cause\s*=\s*(\d{1,3})\s*$/i.exec(param)?.[1]).find(Boolean);
    if (cause !== undefined) return Number(cause);
  }
  return undefined;
}

/**
 * The user's text of a 380 that refuses an emergency call (TS 24.229 §5.1.6.8, §7.6), "" without one, undefined when the
 * response is not about an emergency.
 */
function emergencyReason(response: SipResponse): string | undefined {
  if (response.status !== 380) return undefined;
  if (!(response.get("Content-Type") ?? "").toLowerCase().startsWith("application/3gpp-ims+xml")) return undefined;
  if (!/<(?:\w+:)?type>\s*emergency\s*</.test(response.body)) return undefined;
  const reason = /<(?:\w+:)?reason>([^<]{1,200})</.exec(response.body)?.[1]?.trim();
  return reason ? `${sentences.emergency} (${reason})` : "";
}

function causeByQ850(cause: number | undefined): EndCause | undefined {
  switch (cause) {
    case 1:
    case 28:
      return "not-found";
    case 17:
      return "busy";
    case 18:
    case 19:
      return "no-answer";
    case 20:
      return "unreachable";
    case 21:
      return "declined";
    case undefined:
    default:
      return undefined;
  }
}

function causeByStatus(status: number, rang: boolean): EndCause {
  switch (status) {
    case 380:
      return "forbidden";
    case 403:
      return "forbidden";
    case 404:
    case 410:
    case 414:
    case 416:
    case 484:
    case 604:
      return "not-found";
    case 408:
    case 480:
      return rang ? "no-answer" : "unreachable";
    case 430:
      return "unreachable";
    case 415:
    case 488:
    case 606:
      return "not-acceptable";
    case 486:
    case 600:
      return "busy";
    case 487:
      return rang ? "no-answer" : "cancelled";
    case 603:
    case 607:
    case 608:
      return "declined";
    default:
      return status >= 500 && status < 600 ? "network" : "failed";
  }
}
