import type { InviteUsage, SipResponse } from "@portico/sip";
import { bearerChallenge, isTrusted } from "./bearerChallenge.ts";
import { Call } from "./call.ts";
import type { CallLine } from "./call.ts";
import { callEnd, endByResponse } from "./callEnd.ts";
import type { CallMedia } from "./callMedia.ts";
import type { DialTarget } from "./dialTarget.ts";
import { WicError } from "./errors.ts";
import { createInvite } from "./invite.ts";
import { dialledParty, remoteParty } from "./remoteParty.ts";
import { asksToRestore } from "./restoration.ts";

/** A call that this side makes. */
export class OutgoingCall extends Call {
  override readonly direction = "outgoing";
  readonly #target: DialTarget;
  readonly #hideIdentity: boolean;
  readonly #callId: string;
  readonly #tag: string;
  #cseq = 0;
  #rang = false;
  #challenged = false;
  #restored = false;
  /** Settles once the other side's one answer is set; undefined until it has come. */
  #answered: Promise<void> | undefined;

  constructor(line: CallLine, target: DialTarget, options: { hideIdentity: boolean }) {
    const callId = line.address.callId();
    super(line, { id: callId, state: "dialling", remote: dialledParty(target.uri) });
    this.#callId = callId;
    this.#tag = line.address.tag();
    this.#target = target;
    this.#hideIdentity = options.hideIdentity;
  }

  /** Begins; called once by the client, after the page could add listeners. */
  async dial(): Promise<void> {
    if (this.state === "ended") return;
    if (this.line.registered() === undefined) {
      const error = new WicError(this.#target.emergency ? "wic/emergency" : "wic/not-registered");
      return this.finish(callEnd(this.#target.emergency ? "emergency" : "network", { error, message: error.message }));
    }
    try {
      const media = await this.openMedia();
      const offer = await media?.offer();
      if (media !== undefined && offer !== undefined) this.#invite(media, offer);
    } catch (error) {
      this.fail(error);
    }
  }

  override hangUp(): void {
    if (this.state === "ended") return;
    const established = this.state === "active" || this.state === "held";
    this.abort(callEnd(established ? "hung-up" : "cancelled"));
  }

  protected override heard(): void {
    // Voice before the answer: an announcement, or a ring tone of the far network (RFC 3960 §3.1).
    this.enter(this.state === "ringing" ? "early" : this.state);
  }

  #invite(media: CallMedia, sdp: string): void {
    if (this.state !== "dialling") return;
    const registered = this.line.registered();
    if (registered === undefined) return this.fail(new WicError("wic/not-registered"));
    this.#cseq += 1;
    const draft = {
      target: this.#target.uri,
      callId: this.#callId,
      tag: this.#tag,
      cseq: this.#cseq,
      sdp,
      hideIdentity: this.#hideIdentity,
    };
    const request = createInvite(draft, registered, this.line.address);
    const usage: InviteUsage = this.line.agent.invite(request, registered.flow, {
      progress: (response) => this.#onProgress(response, media),
      accepted: (response) => void this.#onAccepted(response, usage, media),
      rejected: (response) => void this.#onRejected(response, media, sdp),
      request: (tx) => negotiation.receive(tx),
      acknowledged: (ack) => this.negotiation?.acknowledged(ack),
      ended: (end) => this.onEnded(end),
    });
    const negotiation = this.negotiate(usage, media);
  }

  #onProgress(response: SipResponse, media: CallMedia): void {
    if (this.state === "ended") return;
    this.#takeAnswer(response, media);
    if (response.status === 180) {
      this.#rang = true;
      // With nothing to be heard from the network the page plays its own ring tone.
      this.enter(media.heard ? "early" : "ringing");
    } else if (this.#answered !== undefined && earlyMediaFlows(response)) {
      this.enter("early");
    }
    this.#takeIdentity(response);
  }

  async #onAccepted(response: SipResponse, usage: InviteUsage, media: CallMedia): Promise<void> {
    usage.ack();
    this.timer?.answered(response);
    if (this.state === "ended") return;
    this.#takeAnswer(response, media);
    this.#takeIdentity(response);
    if (this.#answered === undefined) return this.fail(new WicError("wic/media-failed"));
    try {
      await this.#answered;
    } catch (error) {
      return this.fail(error);
    }
    this.established();
  }

  async #onRejected(response: SipResponse, media: CallMedia, sdp: string): Promise<void> {
    if (this.state === "ended") return;
    const registered = this.line.registered();
    if (!this.#restored && this.state === "dialling" && registered && asksToRestore(response, registered.routes)) {
      this.#restored = true;
      await this.line.restore();
      return this.#invite(media, sdp);
    }
    const challenge = bearerChallenge(response);
    if (challenge !== undefined && !this.#challenged && isTrusted(challenge, this.line.trusted)) {
      this.#challenged = true;
      try {
        await this.line.renewToken();
        return this.#invite(media, sdp);
      } catch (error) {
        return this.finish(callEnd("network", error instanceof WicError ? { error } : {}));
      }
    }
    this.finish(endByResponse(response, this.#rang));
  }

  /** The first description is the answer; the portal guarantees that later ones are the same. */
  #takeAnswer(response: SipResponse, media: CallMedia): void {
    if (this.#answered !== undefined || response.body === "") return;
    if (!(response.get("Content-Type") ?? "").toLowerCase().startsWith("application/sdp")) return;
    this.#answered = this.#setAnswer(media, response.body);
    // Before the 200 the failure is only noted; it ends the call then.
    this.#answered.catch(() => undefined);
  }

  async #setAnswer(media: CallMedia, sdp: string): Promise<void> {
    this.negotiation?.remoteDirection(await media.acceptAnswer(sdp));
  }

  #takeIdentity(response: SipResponse): void {
    if (!response.has("P-Asserted-Identity")) return;
    const party = remoteParty(response);
    if (party.uri !== this.remote.uri && !party.anonymous) this.setRemote(party);
  }
}

/** RFC 5009 §8: the network says whether early media flows; without a word a 183 with a description means so. */
function earlyMediaFlows(response: SipResponse): boolean {
  const header = response.get("P-Early-Media")?.toLowerCase();
  if (header === undefined) return response.status === 183;
  return /send(recv|only)/.test(header) && !header.includes("gated");
}
