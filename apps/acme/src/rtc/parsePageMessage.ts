import type { Candidate, PageMessage } from "./protocol.ts";

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Reads one frame of a page; undefined when it is not one of the protocol's messages. Never throws. */
export function parsePageMessage(text: string): PageMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { type, call, sdp, to, busy, reason, candidate, kind } = value as Record<string, unknown>;
  if (type === "ping") return { type };
  if (type === "status") return typeof busy === "boolean" ? { type, busy } : undefined;
  if (typeof call !== "string" || !uuid.test(call)) return undefined;
  switch (type) {
    case "call":
      return typeof to === "string" && typeof sdp === "string" ? { type, call, to, sdp } : undefined;
    case "answer":
      return typeof sdp === "string" ? { type, call, sdp } : undefined;
    case "renew":
      return (kind === "offer" || kind === "answer") && typeof sdp === "string" ? { type, call, kind, sdp } : undefined;
    case "candidate": {
      const parsed = parseCandidate(candidate);
      return parsed === undefined ? undefined : { type, call, candidate: parsed };
    }
    case "hangup":
      return reason === "hangup" || reason === "moved" || reason === "failed" ? { type, call, reason } : undefined;
    case "ringing":
    case "decline":
    case "busy":
      return { type, call };
    default:
      return undefined;
  }
}

function parseCandidate(value: unknown): Candidate | null | undefined {
  if (value === null) return null;
  if (typeof value !== "object" || value === undefined) return undefined;
  const { candidate, sdpMid, sdpMLineIndex } = value as Record<string, unknown>;
  if (typeof candidate !== "string" || candidate.length > 1024) return undefined;
  return {
    candidate,
    sdpMid: typeof sdpMid === "string" ? sdpMid.slice(0, 64) : null,
    sdpMLineIndex: typeof sdpMLineIndex === "number" ? sdpMLineIndex : null,
  };
}
