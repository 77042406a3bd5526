import { SipRequest } from "./message.ts";
import type { Body, HeaderList, SipMessage, SipResponse } from "./message.ts";
import { parseNameAddr } from "./nameAddr.ts";
import { formatUri, parseUri } from "./uri.ts";

/** Everything a dialog is, ready for JSON: what must be stored for the dialog to outlive its process. */
export interface DialogState {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** Our From value with tag. */
  readonly local: string;
  /** Our To value with tag. */
  readonly remote: string;
  /** Our Contact value; absent when the messages that made the dialog had none. */
  readonly localContact?: string | undefined;
  /** Request-URI of our requests. */
  readonly remoteTarget: string;
  /** Route values, nearest first. */
  readonly routeSet: readonly string[];
  readonly localCseq: number;
  /** Undefined until the peer has sent a request. */
  readonly remoteCseq?: number | undefined;
  readonly phase: "early" | "confirmed";
}

/** The key of a dialog among all dialogs of one user agent (RFC 3261 §12). */
export function dialogId(callId: string, localTag: string, remoteTag: string): string {
  return `${callId} ${localTag} ${remoteTag}`;
}

/**
 * One peer-to-peer relation of two user agents (RFC 3261 §12): tags, sequence numbers, route set and remote target.
 *
 *     18x with tag              2xx
 *    --------------> early -------------> confirmed
 *                                             ^
 *    -------------------- 2xx ----------------'
 *
 * @example
 * const dialog = Dialog.uac(invite, response);
 * ua.transactions.sendAck(dialog.createAck(invite.cseq.number), hop);
 * const answer = await ua.send(dialog.createRequest("INFO"), hop);
 * const saved = JSON.stringify(dialog.state);
 * const after = Dialog.restore(JSON.parse(saved) as DialogState);
 */
export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly #local: string;
  readonly #remote: string;
  readonly #caller: boolean;
  #localContact: string | undefined;
  #remoteTarget: string;
  #routeSet: readonly string[];
  #localCseq: number;
  #remoteCseq: number | undefined;
  #phase: "early" | "confirmed";

  private constructor(state: DialogState, caller: boolean) {
    this.#caller = caller;
    this.callId = state.callId;
    this.localTag = state.localTag;
    this.remoteTag = state.remoteTag;
    this.#local = state.local;
    this.#remote = state.remote;
    this.#localContact = state.localContact;
    this.#remoteTarget = state.remoteTarget;
    this.#routeSet = state.routeSet;
    this.#localCseq = state.localCseq;
    this.#remoteCseq = state.remoteCseq;
    this.#phase = state.phase;
  }

  /** The dialog at the side that sent `request` and got `response` (RFC 3261 §12.1.2). */
  static uac(request: SipRequest, response: SipResponse): Dialog {
    const state: DialogState = {
      callId: request.callId,
      localTag: request.fromTag ?? "",
      remoteTag: response.toTag ?? "",
      local: request.get("From") ?? "",
      remote: response.get("To") ?? "",
      localContact: request.get("Contact"),
      remoteTarget: contactUri(response) ?? request.uri,
      routeSet: response.list("Record-Route").toReversed(),
      localCseq: request.cseq.number,
      phase: response.status >= 200 ? "confirmed" : "early",
    };
    return new Dialog(own(state), true);
  }

  /** The dialog at the side that answered `request` with `response`, which has our To tag (RFC 3261 §12.1.1). */
  static uas(request: SipRequest, response: SipResponse): Dialog {
    const state: DialogState = {
      callId: request.callId,
      localTag: response.toTag ?? "",
      remoteTag: request.fromTag ?? "",
      local: response.get("To") ?? "",
      remote: request.get("From") ?? "",
      localContact: response.get("Contact"),
      remoteTarget: contactUri(request) ?? request.from.uri,
      routeSet: request.list("Record-Route"),
      localCseq: 0,
      remoteCseq: request.cseq.number,
      phase: response.status >= 200 ? "confirmed" : "early",
    };
    return new Dialog(own(state), false);
  }

  /** A dialog from what {@link state} gave, after a restart. */
  static restore(state: DialogState): Dialog {
    return new Dialog(state, false);
  }

  get id(): string {
    return dialogId(this.callId, this.localTag, this.remoteTag);
  }

  get phase(): "early" | "confirmed" {
    return this.#phase;
  }

  get remoteTarget(): string {
    return this.#remoteTarget;
  }

  get state(): DialogState {
    return {
      callId: this.callId,
      localTag: this.localTag,
      remoteTag: this.remoteTag,
      local: this.#local,
      remote: this.#remote,
      localContact: this.#localContact,
      remoteTarget: this.#remoteTarget,
      routeSet: this.#routeSet,
      localCseq: this.#localCseq,
      remoteCseq: this.#remoteCseq,
      phase: this.#phase,
    };
  }

  /** The 2xx has come (caller) or is about to go (callee). */
  confirm(response: SipResponse): void {
    if (this.#phase === "confirmed") return;
    this.#phase = "confirmed";
    if (this.#caller) {
      // RFC 3261 §13.2.2.4: the route set of an early dialog is made anew from the 2xx.
      this.#routeSet = own(response.list("Record-Route")).toReversed();
      this.updateTarget(response);
    } else {
      this.#localContact = response.get("Contact") ?? this.#localContact;
    }
  }

  /** The next request of this dialog, without Via; Contact is added where the method demands one (RFC 3261 §12.2.1.1). */
  createRequest(method: string, headers: HeaderList = [], body?: Body): SipRequest {
    this.#localCseq += 1;
    return this.#create(method, this.#localCseq, headers, body);
  }

  /** The ACK to a 2xx; its CSeq number is that of the INVITE (RFC 3261 §13.2.2.4). */
  createAck(inviteCseq: number, body?: Body): SipRequest {
    return this.#create("ACK", inviteCseq, [], body);
  }

  /**
   * Notes the CSeq number of a request that came in this dialog. "old": not above the last, so it came out of order and is to be
   * answered 500 (RFC 3261 §12.2.2).
   */
  accepts(request: SipRequest): "ok" | "old" {
    const { number } = request.cseq;
    if (this.#remoteCseq !== undefined && number <= this.#remoteCseq) return "old";
    this.#remoteCseq = number;
    return "ok";
  }

  /** A target refresh: the peer's new Contact, if the message has one (RFC 3261 §12.2). */
  updateTarget(message: SipMessage): void {
    this.#remoteTarget = own(contactUri(message) ?? this.#remoteTarget);
  }

  #create(method: string, cseq: number, headers: HeaderList, body: Body | undefined): SipRequest {
    const { uri, routes } = this.#path();
    const given = (name: string): string | undefined => headers.find(([other]) => other.toLowerCase() === name)?.[1];
    const lines: (readonly [string, string])[] = [
      ...routes.map((route) => ["Route", route] as const),
      ["From", this.#local],
      ["To", this.#remote],
      ["Call-ID", this.callId],
      ["CSeq", `${cseq} ${method}`],
    ];
    if (given("max-forwards") === undefined) lines.push(["Max-Forwards", "70"]);
    if (contactMethods.has(method)) {
      const contact = given("contact");
      if (contact === undefined && this.#localContact !== undefined) lines.push(["Contact", this.#localContact]);
      this.#localContact = contact ?? this.#localContact;
    }
    lines.push(...headers);
    return SipRequest.create(method, uri, lines, body);
  }

  // RFC 3261 §12.2.1.1: a first hop without `lr` is a strict router and gets the Request-URI.
  #path(): { uri: string; routes: readonly string[] } {
    const [first, ...rest] = this.#routeSet;
    const uri = first === undefined ? undefined : strictRouter(first);
    if (uri === undefined) return { uri: this.#remoteTarget, routes: this.#routeSet };
    return { uri, routes: [...rest, `<${this.#remoteTarget}>`] };
  }
}

const contactMethods: ReadonlySet<string> = new Set(["INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"]);

/** The same in memory of its own: what is cut out of a message holds all of it, and a dialog outlives its messages. */
const own = <Of>(state: Of): Of => JSON.parse(JSON.stringify(state)) as Of;

/** Undefined without a usable Contact: a peer's bad header must not cost the call. */
function contactUri(message: SipMessage): string | undefined {
  try {
    const contact = message.list("Contact")[0];
    if (contact === undefined) return undefined;
    const { uri } = parseNameAddr(contact);
    const parsed = parseUri(uri);
    if (parsed.headers === undefined) return uri;
    // RFC 3261 §19.1.1, Table 1: no headers in a Request-URI.
    delete parsed.headers;
    return formatUri(parsed);
  } catch {
    return undefined;
  }
}

/** The URI of a strict router (RFC 2543: no `lr`), undefined for a loose one or what cannot be read. */
function strictRouter(route: string): string | undefined {
  try {
    const { uri } = parseNameAddr(route);
    return parseUri(uri).params.has("lr") ? undefined : uri;
  } catch {
    return undefined;
  }
}
