import {
  ImsClient,
  type Call,
  type EndCause as WicEndCause,
  type ImsSession,
  type PhoneState,
  type WicError,
} from "@portico/wic";
import { Listeners } from "../listeners.ts";
import type { EndCause, LineCall, LineState, Party } from "./line.ts";

/** Where the registration at the operator stands. */
export interface ImsStatus {
  readonly name: PhoneState;
  /** What is the matter and what to do, where something is. */
  readonly reason?: { readonly title: string; readonly remedy: string };
  /** When the next attempt is due, while one is waited for; monotonic milliseconds. */
  readonly retryAt?: number;
}

const causes: Record<WicEndCause, EndCause> = {
  "hung-up": "hangup",
  "remote-hung-up": "hangup",
  cancelled: "hangup",
  busy: "busy",
  "no-answer": "no-answer",
  declined: "declined",
  "answered-elsewhere": "answered-elsewhere",
  "declined-elsewhere": "answered-elsewhere",
  "not-found": "refused",
  unreachable: "unreachable",
  forbidden: "refused",
  "not-acceptable": "refused",
  emergency: "emergency",
  network: "failed",
  media: "lost",
  microphone: "failed",
  failed: "failed",
};

/** Calls by the telephone network: the operator's SDK, as a line of the arbiter. */
export class ImsLine {
  readonly incoming: Listeners<LineCall> = new Listeners();
  readonly changed: Listeners = new Listeners();
  readonly #client: ImsClient;
  #status: ImsStatus = { name: "offline" };

  constructor(session: () => Promise<ImsSession>, microphone: () => Promise<MediaStream>) {
    this.#client = new ImsClient({ tokens: session, microphone });
    this.#client.on("state", (name, reason, retryInSeconds) => {
      this.#status = {
        name,
        ...(reason && { reason: explain(reason) }),
        ...(retryInSeconds !== undefined && { retryAt: performance.now() + retryInSeconds * 1000 }),
      };
      this.changed.tell();
    });
    this.#client.on("incoming", (call) => this.incoming.tell(new ImsCall(call)));
    this.start();
  }

  /** Registers; again, after the registration has ended. */
  start(): void {
    // It rejects when the registration ends, which its state tells as well.
    this.#client.start().catch(() => undefined);
  }

  get status(): ImsStatus {
    return this.#status;
  }

  call(number: string): LineCall {
    return new ImsCall(this.#client.call(number));
  }

  logOut(): Promise<void> {
    return this.#client.logOut();
  }
}

function explain({ message, remedies: [remedy = ""] }: WicError): { title: string; remedy: string } {
  return { title: message, remedy: remedy === "" ? "" : `${remedy}.` };
}

class ImsCall implements LineCall {
  readonly path = "ims";
  readonly #call: Call;
  #answered = false;
  readonly #changed: Listeners = new Listeners();

  constructor(call: Call) {
    this.#call = call;
    for (const event of ["state", "stream", "remote"] as const) call.on(event, () => this.#changed.tell());
  }

  get party(): Party {
    const { displayName, number, anonymous } = this.#call.remote;
    return {
      ...(anonymous ? { name: "Anonymous caller" } : displayName === undefined ? {} : { name: displayName }),
      ...(number === undefined ? {} : { number }),
    };
  }

  get state(): LineState {
    return this.#answered && this.#call.state === "ringing" ? "connecting" : this.#call.state;
  }

  get end(): LineCall["end"] {
    const { end } = this.#call;
    return end && { cause: causes[end.cause], text: end.message };
  }

  get stream(): MediaStream | undefined {
    return this.#call.stream;
  }

  onChange(listener: () => void): () => void {
    return this.#changed.add(listener);
  }

  answer(): void {
    this.#answered = true;
    attempt(() => this.#call.answer());
    this.#changed.tell();
  }

  decline(cause: "declined" | "busy"): void {
    attempt(() => this.#call.decline(cause));
  }

  hangUp(): void {
    this.#call.hangUp();
  }

  setMuted(muted: boolean): void {
    if (muted) this.#call.mute();
    else this.#call.unmute();
  }

  sendDigit(digit: string): boolean {
    return attempt(() => this.#call.sendDtmf(digit));
  }
}

/** The SDK throws when a call has moved on since the user pressed; its next state tells all there is to tell. */
function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
