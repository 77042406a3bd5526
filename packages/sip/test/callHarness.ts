import { SipRequest, UserAgent } from "@portico/sip";
import type { InviteEvents, InviteUsage, ServerTransaction, SipMessage, Timers } from "@portico/sip";
import { SeededRandom, VirtualClock, Wire } from "@portico/sip/testing";

/** Events of one side as short words, in order. */
export interface Heard {
  words: string[];
  events: InviteEvents;
}

export function hear(more: Partial<InviteEvents> = {}): Heard {
  const words: string[] = [];
  const events: InviteEvents = {
    ...more,
    progress(response) {
      words.push(`progress ${response.status}`);
      more.progress?.(response);
    },
    accepted(response) {
      words.push(`accepted ${response.status}`);
      more.accepted?.(response);
    },
    rejected(response) {
      words.push(`rejected ${response.status}`);
      more.rejected?.(response);
    },
    acknowledged(ack) {
      words.push("acknowledged");
      more.acknowledged?.(ack);
    },
    cancelled(request) {
      words.push(`cancelled ${request.method}`);
      more.cancelled?.(request);
    },
    ended(end) {
      words.push(`ended ${end.by}`);
      more.ended?.(end);
    },
  };
  return { words, events };
}

export function inviteRequest(headers: [string, string][] = [], body?: { type: string; text: string }): SipRequest {
  return SipRequest.create(
    "INVITE",
    "sip:ken@acme.ims.test",
    [
      ["Max-Forwards", "70"],
      ["From", '"Mary Jones" <sip:mary@acme.ims.test>;tag=mary1'],
      ["To", "<sip:ken@acme.ims.test>"],
      ["Call-ID", "call-1"],
      ["CSeq", "1 INVITE"],
      ["Contact", "<sip:mary@left.invalid>"],
      ...headers,
    ],
    body,
  );
}

export function optionsRequest(): SipRequest {
  return SipRequest.create("OPTIONS", "sip:ken@acme.ims.test", [
    ["From", "<sip:mary@acme.ims.test>;tag=mary2"],
    ["To", "<sip:ken@acme.ims.test>"],
    ["Call-ID", "options-1"],
    ["CSeq", "1 OPTIONS"],
  ]);
}

export interface Pair {
  clock: VirtualClock;
  wire: Wire;
  left: UserAgent;
  right: UserAgent;
  /** What came to the right side outside its calls. */
  incoming: ServerTransaction[];
  errors: unknown[];
  /** Left calls right; both usages with what they heard. */
  call: (o?: CallOptions) => { caller: InviteUsage; callee: InviteUsage; heardByCaller: Heard; heardByCallee: Heard };
}

interface CallOptions {
  headers?: [string, string][];
  caller?: Partial<InviteEvents>;
  callee?: Partial<InviteEvents>;
}

export const contact: [string, string][] = [["Contact", "<sip:ken@right.invalid>"]];

/** Two user agents on one wire; every call is in state `calling` at the callee when `call()` returns. */
export function pair(
  o: { protocol?: "UDP" | "WSS"; timers?: Timers; lose?: (m: SipMessage, from: string) => boolean } = {},
): Pair {
  const clock = new VirtualClock();
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const incoming: ServerTransaction[] = [];
  const wire = new Wire({ clock, protocol: o.protocol ?? "WSS", ...(o.lose ? { lose: o.lose } : {}) });
  const common = { clock, timers: o.timers, onError };
  const left = new UserAgent({ ...common, random: new SeededRandom(1), onRequest: (tx) => tx.reply(501) });
  const right = new UserAgent({ ...common, random: new SeededRandom(2), onRequest: (tx) => void incoming.push(tx) });
  wire.onLeft = (message, hop) => left.receive(message, hop);
  wire.onRight = (message, hop) => right.receive(message, hop);
  return {
    clock,
    wire,
    left,
    right,
    incoming,
    errors,
    call({ headers, caller: callerEvents, callee: calleeEvents } = {}) {
      const heardByCaller = hear({ accepted: () => caller.ack(), ...callerEvents });
      const heardByCallee = hear(calleeEvents);
      const caller = left.invite(inviteRequest(headers), wire.left, heardByCaller.events);
      clock.advance(5);
      const transaction = incoming.shift();
      if (!transaction) throw new Error(`no INVITE arrived:\n${wire.ladder()}`);
      const callee = right.accept(transaction, heardByCallee.events);
      return { caller, callee, heardByCaller, heardByCallee };
    },
  };
}
