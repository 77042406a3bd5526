import { Dialog, parseNameAddr, parseUri, sameUri } from "@portico/sip";
import type { SipRequest, SipResponse, TransactionLayer } from "@portico/sip";
import type { Element } from "./element.ts";
import type { Binding, Registration } from "./registrar.ts";
import { nextHop } from "./routing.ts";

interface Call {
  readonly registrationId: string;
  /** The served user's contact, if the call can be tied to one. */
  readonly bindingId: string | undefined;
  readonly callId: string;
  readonly callerTag: string;
  readonly calleeTag: string;
  readonly caller: Party;
  readonly callee: Party;
}

/** One end of a call as the S-CSCF between reaches it. */
interface Party {
  /** From or To value with tag. */
  readonly address: string;
  target: string;
  readonly routes: readonly string[];
  /** The highest CSeq number that this end has used. */
  cseq: number;
}

const mostCalls = 5000;
const cseqMargin = 1000;

/** The INVITE dialogs that pass the S-CSCF, so that it can end them itself: TS 24.229 §5.4.5.1. */
export class CallRegister {
  readonly #element: Element;
  readonly #layer: TransactionLayer;
  readonly #calls = new Map<string, Call>();

  constructor(element: Element, layer: TransactionLayer) {
    this.#element = element;
    this.#layer = layer;
  }

  /**
   * Notes a call that was answered.
   * @param request the INVITE as it came, with the Record-Route of those before us
   * @param response its 2xx as it came, with the Record-Route of all
   */
  note(registration: Registration, binding: Binding | undefined, request: SipRequest, response: SipResponse): void {
    const { callId, fromTag: callerTag = "" } = request;
    const { toTag: calleeTag = "" } = response;
    const before = request.list("Record-Route");
    // The last entries of the response's list are those before us, and above them stands our own
    const behind = response.list("Record-Route").slice(0, -(before.length + 1));
    const call: Call = {
      registrationId: registration.id,
      bindingId: binding?.id,
      callId,
      callerTag,
      calleeTag,
      caller: {
        address: response.get("From") ?? "",
        target: contactOf(request) ?? request.from.uri,
        routes: before,
        cseq: request.cseq.number,
      },
      callee: {
        address: response.get("To") ?? "",
        target: contactOf(response) ?? request.uri,
        routes: behind.toReversed(),
        cseq: 0,
      },
    };
    if (this.#calls.size >= mostCalls) this.#calls.clear();
    this.#calls.set(keyOf(registration.id, callId, callerTag, calleeTag), call);
  }

  /** Follows a request inside a dialog: sequence numbers, new targets, the end. */
  follow(request: SipRequest): void {
    for (const [key, call] of this.#calls) {
      if (call.callId !== request.callId) continue;
      const party = request.fromTag === call.callerTag ? call.caller : call.callee;
      party.cseq = Math.max(party.cseq, request.cseq.number);
      if (request.method === "INVITE" || request.method === "UPDATE") party.target = contactOf(request) ?? party.target;
      if (request.method === "BYE") this.#calls.delete(key);
    }
  }

  /** Ends the calls of contacts that are gone, toward both sides; all calls of a registration without contacts. */
  release(registration: Registration, gone: readonly Binding[]): void {
    const ids = new Set(gone.map(({ id }) => id));
    for (const [key, call] of this.#calls) {
      if (call.registrationId !== registration.id) continue;
      const hit = call.bindingId === undefined ? registration.bindings.length === 0 : ids.has(call.bindingId);
      if (!hit) continue;
      this.#calls.delete(key);
      this.#bye(call, call.caller, call.callee);
      this.#bye(call, call.callee, call.caller);
    }
  }

  #bye(call: Call, to: Party, from: Party): void {
    const dialog = Dialog.restore({
      callId: call.callId,
      localTag: "",
      remoteTag: "",
      local: from.address,
      remote: to.address,
      remoteTarget: to.target,
      routeSet: to.routes,
      // Above whatever this end used before the call was noted, such as its PRACKs; gaps are allowed (RFC 3261 §12.2.1.1)
      localCseq: from.cseq + cseqMargin,
      phase: "confirmed",
    });
    const bye = dialog.createRequest("BYE", [["Reason", 'SIP;cause=480;text="Registration Ended"']]);
    // Whatever the answer: the call is over for the network
    this.#layer.request(bye, nextHop(this.#element, bye), { response: () => undefined, failed: () => undefined });
  }
}

/** The served user's contact that made a call: the one its Contact names, or the only one. */
export function originatingBinding(registration: Registration, request: SipRequest): Binding | undefined {
  const contact = contactOf(request);
  const named = registration.bindings.find(({ uri, pubGruu }) => {
    return contact !== undefined && (sameUri(uri, contact) || (pubGruu !== undefined && isGruu(contact, pubGruu)));
  });
  return named ?? (registration.bindings.length === 1 ? registration.bindings[0] : undefined);
}

function isGruu(contact: string, gruu: string): boolean {
  return parseUri(contact).params.get("gr") === parseUri(gruu).params.get("gr");
}

function contactOf(message: SipRequest | SipResponse): string | undefined {
  const [contact] = message.list("Contact");
  return contact === undefined ? undefined : parseNameAddr(contact).uri;
}

function keyOf(...parts: string[]): string {
  return parts.join(" ");
}
