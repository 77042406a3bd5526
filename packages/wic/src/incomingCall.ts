import type { InviteUsage, ServerTransaction } from "@portico/sip";
import { Call } from "./call.ts";
import type { CallLine } from "./call.ts";
import { callEnd, endByCancel } from "./callEnd.ts";
import { WicError } from "./errors.ts";
import { allow, supported } from "./headers.ts";
import { remoteParty } from "./remoteParty.ts";

/** A call that comes to this side. */
export class IncomingCall extends Call {
  override readonly direction = "incoming";
  readonly #invitation: InviteUsage;
  #answering = false;

  constructor(line: CallLine, tx: ServerTransaction) {
    super(line, { id: tx.request.callId, state: "ringing", remote: remoteParty(tx.request) });
    this.#invitation = line.agent.accept(tx, {
      cancelled: (cancel) => this.finish(endByCancel(cancel)),
      acknowledged: (ack) => {
        if (this.state === "ringing") void this.#onAck(ack.body);
        else this.negotiation?.acknowledged(ack);
      },
      request: (inside) => {
        if (this.negotiation !== undefined) return this.negotiation.receive(inside);
        const { method, body } = inside.request;
        if (method === "OPTIONS" || (method === "UPDATE" && body === ""))
          inside.reply(200, { headers: [["Allow", allow]] });
        // RFC 3311 §5.2: an offer while the INVITE's own has not been answered.
        else inside.reply(500, { headers: [["Retry-After", "5"]] });
      },
      ended: (end) => this.onEnded(end),
    });
    this.usage = this.#invitation;
  }

  /** Tells the caller that it rings here. */
  ring(): void {
    // RFC 3262 §3: reliably only where the caller insists; it carries no description.
    const insists = this.#invitation.invite.list("Require").some((option) => option.toLowerCase() === "100rel");
    this.#invitation.progress(180, { headers: this.#headers(), reliable: insists });
  }

  override answer(): void {
    // The caller may have given up while the user's finger was on its way.
    if (this.state === "ended" || this.#answering) return;
    if (this.state !== "ringing") throw new WicError("wic/call-state");
    this.#answering = true;
    this.#accept().catch((error: unknown) => this.fail(error));
  }

  override decline(as: "declined" | "busy" = "declined"): void {
    if (this.state === "ended") return;
    if (this.state !== "ringing") throw new WicError("wic/call-state");
    this.#invitation.reject(as === "busy" ? 486 : 603);
    this.finish(callEnd("declined"));
  }

  override hangUp(): void {
    if (this.state === "ended") return;
    if (this.state === "ringing" && !this.#answering) return this.decline();
    this.abort(callEnd("hung-up"));
  }

  async #accept(): Promise<void> {
    const media = await this.openMedia();
    if (media === undefined) return;
    const negotiation = this.negotiate(this.#invitation, media);
    const offer = this.#invitation.invite.body;
    let text: string;
    if (offer === "") {
      // The other side leaves the offer to us; its answer comes in the ACK (RFC 3261 §13.2.1).
      text = await media.offer();
    } else {
      const answer = await media.answer(offer);
      text = answer.sdp;
      negotiation.remoteDirection(answer.direction);
    }
    if (this.state === "ended") return;
    const timer = this.timer?.asked(this.#invitation.invite) ?? [];
    this.#invitation.accept({ headers: [...this.#headers(), ...timer], body: { type: "application/sdp", text } });
  }

  async #onAck(answer: string): Promise<void> {
    try {
      if (this.#invitation.invite.body === "") {
        if (this.media === undefined || answer === "") throw new WicError("wic/media-failed");
        const direction = await this.media.acceptAnswer(answer);
        this.negotiation?.remoteDirection(direction);
      }
      if (this.state !== "ended") this.established();
    } catch (error) {
      this.fail(error);
    }
  }

  #headers(): [string, string][] {
    return [
      ["Contact", this.line.contact()],
      ["Allow", allow],
      ["Supported", supported],
    ];
  }
}
