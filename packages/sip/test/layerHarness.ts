import { createResponse, SipRequest, SipResponse, TransactionLayer } from "@portico/sip";
import type { ResponseOptions, ServerTransaction, SipMessage, Timers, TransactionStorage } from "@portico/sip";
import { SeededRandom, VirtualClock, Wire } from "@portico/sip/testing";

/** A layer on the left, a peer on the right whose every message is written by the test. */
export interface Stage {
  clock: VirtualClock;
  wire: Wire;
  layer: TransactionLayer;
  /** What has arrived at the peer, oldest first. */
  atPeer: SipMessage[];
  /** New requests the layer has handed up. */
  requests: ServerTransaction[];
  acks: SipRequest[];
  strays: SipResponse[];
  errors: unknown[];
  /** What a client transaction told its user. */
  heard: string[];
  /** Sends a request from the layer; what its user hears goes to `heard`. */
  send: (request: SipRequest) => ReturnType<TransactionLayer["request"]>;
  /** The peer answers the last request it got. */
  answer: (status: number, options?: ResponseOptions) => void;
  /** The peer sends this, whole. */
  say: (message: SipMessage) => void;
}

export function stage(
  o: {
    protocol?: "UDP" | "WSS";
    timers?: Timers;
    storage?: TransactionStorage | undefined;
    onRequest?(tx: ServerTransaction): void;
  } = {},
): Stage {
  const clock = new VirtualClock();
  const wire = new Wire({ clock, protocol: o.protocol ?? "UDP", delay: 0 });
  const requests: ServerTransaction[] = [];
  const acks: SipRequest[] = [];
  const strays: SipResponse[] = [];
  const errors: unknown[] = [];
  const heard: string[] = [];
  const atPeer: SipMessage[] = [];
  const layer = new TransactionLayer({
    clock,
    random: new SeededRandom(7),
    timers: o.timers,
    storage: o.storage,
    onRequest: (tx) => {
      requests.push(tx);
      o.onRequest?.(tx);
    },
    onAck: (ack) => void acks.push(ack),
    onStrayResponse: (response) => void strays.push(response),
    onError: (error) => void errors.push(error),
  });
  wire.onLeft = (message, hop) => layer.receive(message, hop);
  wire.onRight = (message) => void atPeer.push(message);
  return {
    clock,
    wire,
    layer,
    atPeer,
    requests,
    acks,
    strays,
    errors,
    heard,
    send: (request) =>
      layer.request(request, wire.left, {
        response: (response) => void heard.push(String(response.status)),
        failed: (why) => void heard.push(why),
      }),
    answer: (status, options = {}) => {
      clock.advance(0);
      const request = atPeer.findLast((message) => message instanceof SipRequest && message.method !== "ACK");
      if (!(request instanceof SipRequest)) throw new Error("the peer has no request to answer");
      wire.right.send(createResponse(request, status, { toTag: "peer", ...options }).toOctets());
      clock.advance(0);
    },
    say: (message) => {
      wire.right.send(message.toOctets());
      clock.advance(0);
    },
  };
}

export interface RequestOptions {
  uri?: string;
  branch?: string;
  cseq?: number;
  callId?: string;
  toTag?: string;
  headers?: [string, string][];
}

/** A request of the peer's own, Via included. */
export function peerRequest(method: string, o: RequestOptions = {}): SipRequest {
  return SipRequest.create(method, o.uri ?? "sip:mary@left.invalid", [
    ["Via", `SIP/2.0/UDP right.invalid;branch=${o.branch ?? "z9hG4bKpeer1"}`],
    ["Max-Forwards", "70"],
    ["From", "<sip:ken@acme.ims.test>;tag=ken1"],
    ["To", `<sip:mary@acme.ims.test>${o.toTag === undefined ? "" : `;tag=${o.toTag}`}`],
    ["Call-ID", o.callId ?? "peer-call"],
    ["CSeq", `${o.cseq ?? 1} ${method}`],
    ...(o.headers ?? []),
  ]);
}

/** A request to be sent, without Via. */
export function ownRequest(method: string, headers: [string, string][] = []): SipRequest {
  return SipRequest.create(method, "sip:ken@acme.ims.test", [
    ["Max-Forwards", "70"],
    ["From", "<sip:mary@acme.ims.test>;tag=mary1"],
    ["To", "<sip:ken@acme.ims.test>"],
    ["Call-ID", "own-call"],
    ["CSeq", `1 ${method}`],
    ...headers,
  ]);
}
