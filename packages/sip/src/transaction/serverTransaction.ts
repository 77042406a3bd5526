import { createResponse } from "../message.ts";
import type { ResponseOptions, SipRequest, SipResponse } from "../message.ts";
import type { Hop } from "../ports.ts";
import type { MachineContext } from "./machine.ts";

/** A request that has come from a neighbour (RFC 3261 §17.2). */
export interface ServerTransaction {
  readonly request: SipRequest;
  /** The way the request came by; responses go back the same way. */
  readonly hop: Hop;
  readonly state: "trying" | "proceeding" | "completed" | "confirmed" | "accepted" | "terminated";
  /** The To tag of our responses, the same in all of them (RFC 3261 §8.2.6.2). */
  readonly localTag: string;
  /** Sends a response. After a final one further responses are ignored, but for a 2xx to INVITE sent again. */
  respond(response: SipResponse): void;
  /** Makes a response to this request, with this transaction's To tag, and sends it. */
  reply(status: number, options?: ResponseOptions): void;
  /** Set by the owner of an INVITE, who then answers it with 487. The CANCEL itself has been answered. Not set: 487 is sent. */
  onCancel?: ((cancel: SipRequest) => void) | undefined;
  /** Set by the owner: no ACK came to our 3xx-6xx (timer H), or a non-INVITE request went unanswered for 64*T1. */
  onTimeout?: (() => void) | undefined;
}

/** One who follows a server transaction without answering it. */
export interface ServerObserver {
  /** A response has been sent for the first time. */
  responded(response: SipResponse): void;
  /** The time for it is over. */
  unanswered(): void;
}

/** What the two server machines share. */
export abstract class ServerMachine implements ServerTransaction {
  readonly request: SipRequest;
  readonly hop: Hop;
  onCancel?: ((cancel: SipRequest) => void) | undefined;
  onTimeout?: (() => void) | undefined;
  /** The CANCEL that has come for it. */
  cancel?: SipRequest | undefined;
  /** The dialog usage the request belongs to, which leaves the answer to its owner. */
  observer?: ServerObserver | undefined;
  protected readonly context: MachineContext;
  #tag: string | undefined;

  constructor(context: MachineContext, request: SipRequest, hop: Hop) {
    this.context = context;
    this.request = request;
    this.hop = hop;
    this.#tag = request.toTag;
  }

  abstract readonly state: ServerTransaction["state"];
  /** The same request has come again. */
  abstract receiveAgain(): void;
  /** The layer closes. */
  abstract close(): void;
  protected abstract take(response: SipResponse): void;

  get localTag(): string {
    return (this.#tag ??= this.context.token(16));
  }

  respond(response: SipResponse): void {
    if (response.status > 100) this.#tag ??= response.toTag;
    this.take(response);
  }

  reply(status: number, options: ResponseOptions = {}): void {
    this.respond(createResponse(this.request, status, { toTag: this.localTag, ...options }));
  }

  protected tellTimeout(): void {
    this.context.guard(() => this.observer?.unanswered());
    this.context.guard(() => this.onTimeout?.());
  }

  protected transmit(response: SipResponse): void {
    this.hop.send(response.toOctets());
    this.context.guard(() => this.observer?.responded(response));
  }
}
