/**
 * The messages of `/rtc`, Acme's own signalling between two signed-in pages: JSON, one message a frame.
 * It knows nothing of SIP or IMS; audio goes straight from browser to browser.
 */

/** Whether a colleague can be reached by a direct call: `busy` while one of her pages is on any call. */
export type Presence = "online" | "busy" | "offline";

/** Why a direct call is over. */
export type EndReason =
  /** One of the two hung up. */
  | "hangup"
  /** The caller goes on by the telephone network; her call comes that way. */
  | "moved"
  /** The called person said no. */
  | "declined"
  | "busy"
  /** No page of the called person is there. */
  | "unreachable"
  /** Another page of the called person took it. */
  | "answered-elsewhere"
  /** Nobody answered for a minute. */
  | "timeout"
  /** A page was closed, or was away for too long. */
  | "left"
  /** No audio path, or a message that does not fit. */
  | "failed";

/** An ICE candidate as `RTCIceCandidate.toJSON` gives it; null ends the candidates. */
export interface Candidate {
  readonly candidate: string;
  readonly sdpMid: string | null;
  readonly sdpMLineIndex: number | null;
}

/** From a page to the server. `call` is chosen by the caller: a random UUID. */
export type PageMessage =
  | { readonly type: "ping" }
  | { readonly type: "status"; readonly busy: boolean }
  | { readonly type: "call"; readonly call: string; readonly to: string; readonly sdp: string }
  | { readonly type: "ringing"; readonly call: string }
  | { readonly type: "answer"; readonly call: string; readonly sdp: string }
  | { readonly type: "candidate"; readonly call: string; readonly candidate: Candidate | null }
  /** Either side of an answered call: the path is lost, look for a new one (ICE restart, RFC 8445 §2.4). */
  | { readonly type: "renew"; readonly call: string; readonly kind: "offer" | "answer"; readonly sdp: string }
  | { readonly type: "decline"; readonly call: string }
  | { readonly type: "busy"; readonly call: string }
  | { readonly type: "hangup"; readonly call: string; readonly reason: "hangup" | "moved" | "failed" };

/** From the server to a page. */
export type HubMessage =
  | { readonly type: "pong" }
  /** First message; `resumed` says that calls of this page are still known. */
  | { readonly type: "welcome"; readonly presence: Readonly<Record<string, Presence>>; readonly resumed: boolean }
  /** Ask `/api/directory` again. */
  | { readonly type: "directory" }
  | { readonly type: "presence"; readonly user: string; readonly presence: Presence }
  | {
      readonly type: "incoming";
      readonly call: string;
      readonly from: { readonly id: string; readonly name: string };
      readonly sdp: string;
    }
  | { readonly type: "ringing"; readonly call: string }
  | { readonly type: "answered"; readonly call: string; readonly sdp: string }
  | { readonly type: "candidate"; readonly call: string; readonly candidate: Candidate | null }
  | { readonly type: "renew"; readonly call: string; readonly kind: "offer" | "answer"; readonly sdp: string }
  | { readonly type: "ended"; readonly call: string; readonly reason: EndReason };
