import type { MediaContext, MediaEvent, RelayPlan } from "@portico/agw";
import { answerSetup, intersect, receives, sends, type Codec, type Direction } from "@portico/sdp";
import { EpcscfError } from "../errors.ts";
import { AccessSide, type AccessAudio } from "./accessSide.ts";
import {
  accessOfferCodecs,
  commonCodecs,
  coreOfferCodecs,
  eventsCodec,
  pairCodecs,
  requireVoice,
  voiceCodecs,
} from "./audio.ts";
import { CoreSide, type CoreAudio } from "./coreSide.ts";

type Role = "active" | "passive";

/**
 * The IMS-ALG of one session: every description of one side becomes a description of the other, generated anew, and the
 * media context is programmed with what both agreed on. It keeps what an offer said until its answer is there, so that a
 * refused offer changes nothing.
 */
export class SessionMedia {
  readonly #context: MediaContext;
  readonly #access: AccessSide;
  readonly #core: CoreSide;
  readonly #latch: boolean;
  #fromAccess: AccessAudio | undefined;
  #fromCore: CoreAudio | undefined;
  /** The browser's codecs that both it and the core have heard of; in the payload types of the browser. */
  #agreed: readonly Codec[] = [];
  /** What the browser would do if the far end let it: its own hold, not the other's. */
  #wish: Direction = "sendrecv";
  /** Our DTLS role toward the browser; stays as it is unless the browser changes it (RFC 8842 §5.5). */
  #role: Role | undefined;
  /** What P-Early-Media allows before the answer, seen from the core. */
  #allowed: Direction = "sendrecv";
  #plan: RelayPlan | undefined;

  /** @param latch take the far end's media from where it comes, once (AGW-10). */
  constructor(context: MediaContext, sessionId: string, latch: boolean) {
    this.#context = context;
    this.#latch = latch;
    this.#access = new AccessSide(context, sessionId);
    this.#core = new CoreSide(context, sessionId);
  }

  /** The browser's offer becomes the offer toward the core. */
  accessOffer(sdp: string): string {
    const offer = this.#access.read(sdp);
    requireVoice(offer.codecs);
    this.#fromAccess = offer;
    this.#wish = offer.direction;
    return this.#core.write(coreOfferCodecs(offer.codecs), offer.direction);
  }

  /** The core's answer becomes the answer for the browser; media may flow. */
  coreAnswer(sdp: string): string {
    const offer = this.#known(this.#fromAccess);
    const answer = this.#core.read(sdp);
    const pairs = commonCodecs(offer.codecs, answer.codecs);
    this.#fromCore = answer;
    const events = eventsCodec(answer.codecs) === undefined ? undefined : eventsCodec(offer.codecs);
    // RFC 3264 §6.1: the far end's order decides which codec is used.
    const voice = voiceCodecs(answer.codecs).flatMap(
      ({ name }) => pairs.find(({ core }) => core.name === name)?.access ?? [],
    );
    this.#agreed = events === undefined ? voice : [...voice, events];
    const role = this.#apply(offer, answer);
    return this.#access.answer(this.#agreed, answer.direction, role);
  }

  /** The core's offer (or none, when it wants ours) becomes the offer for the browser. */
  coreOffer(sdp: string | undefined): string {
    const offer = sdp === undefined ? undefined : this.#core.read(sdp);
    if (offer !== undefined) requireVoice(offer.codecs);
    this.#fromCore = offer;
    return this.#access.offer(accessOfferCodecs(offer?.codecs), offer?.direction ?? "sendrecv");
  }

  /** The browser's answer becomes the answer for the core, or, where the core made no offer, the offer to it. */
  accessAnswer(sdp: string): string {
    const answer = this.#access.read(sdp);
    const offer = this.#fromCore;
    const offered = offer?.direction ?? "sendrecv";
    this.#wish = answer.direction === intersect(offered, "sendrecv") ? "sendrecv" : answer.direction;
    this.#fromAccess = answer;
    if (offer === undefined) {
      requireVoice(answer.codecs);
      this.#agreed = answer.codecs;
      return this.#core.write(coreOfferCodecs(answer.codecs), answer.direction);
    }
    const pairs = commonCodecs(answer.codecs, offer.codecs);
    const [accessEvents, coreEvents] = [eventsCodec(answer.codecs), eventsCodec(offer.codecs)];
    const both = accessEvents !== undefined && coreEvents !== undefined;
    this.#agreed = [...pairs.map(({ access }) => access), ...(both ? [accessEvents] : [])];
    this.#apply(answer, offer);
    return this.#core.write([...pairs.map(({ core }) => core), ...(both ? [coreEvents] : [])], answer.direction);
  }

  /**
   * The core's answer to the offer it asked for (in the ACK).
   * @returns an offer for the browser where what it was told last no longer fits: a hold that is over, for example.
   */
  lateCoreAnswer(sdp: string): string | undefined {
    const access = this.#known(this.#fromAccess);
    const answer = this.#core.read(sdp);
    commonCodecs(this.#agreed, answer.codecs);
    this.#fromCore = answer;
    this.#apply({ ...access, codecs: [...this.#agreed] }, answer);
    const fits = intersect(answer.direction, this.#wish) === access.direction;
    return fits ? undefined : this.#access.offer(this.#agreed, answer.direction);
  }

  /** Another answer of the core after the browser has had its one (a fork, or 200 after 18x): only the far side moves. */
  coreAnswerAgain(sdp: string): void {
    this.#farSideOnly(sdp);
  }

  /** A further offer of the core before the call is answered (UPDATE): answered here, only the far side moves. */
  coreOfferEarly(sdp: string): string {
    const { codecs } = this.#farSideOnly(sdp);
    const access = this.#known(this.#fromAccess);
    const pairs = commonCodecs(this.#agreed, codecs);
    const events = eventsCodec(this.#agreed) === undefined ? undefined : eventsCodec(codecs);
    const written = [...pairs.map(({ core }) => core), ...(events === undefined ? [] : [events])];
    return this.#core.write(written, intersect(this.#known(this.#fromCore).direction, access.direction));
  }

  /** What the core allows from now on before the call is answered, and all from its answer on (EPC-SES-13). */
  authorise(allowed: Direction): void {
    this.#allowed = allowed;
    this.#open();
  }

  /** What to call when an offer made from here on is refused: the session is described as it was (RFC 3264 §4). */
  checkpoint(): () => void {
    const [fromAccess, fromCore, agreed, wish] = [this.#fromAccess, this.#fromCore, this.#agreed, this.#wish];
    const [access, core] = [this.#access.checkpoint(), this.#core.checkpoint()];
    return () => {
      [this.#fromAccess, this.#fromCore, this.#agreed, this.#wish] = [fromAccess, fromCore, agreed, wish];
      access();
      core();
    };
  }

  /** The present session as an offer toward the core, for a peer that asks for one in mid-call. */
  coreOfferAgain(): string {
    return this.#core.write(coreOfferCodecs(this.#agreed), this.#wish);
  }

  on(listener: (event: MediaEvent) => void): () => void {
    return this.#context.on(listener);
  }

  close(): void {
    this.#context.close();
  }

  #farSideOnly(sdp: string): CoreAudio {
    const access = this.#known(this.#fromAccess);
    const core = this.#core.read(sdp);
    commonCodecs(this.#agreed, core.codecs);
    this.#fromCore = core;
    this.#apply({ ...access, codecs: [...this.#agreed] }, core);
    return core;
  }

  #known<T>(description: T | undefined): T {
    if (description === undefined) throw new EpcscfError("epcscf/bad-sdp");
    return description;
  }

  /** Programs the media context. @returns our DTLS role toward the browser. */
  #apply(access: AccessAudio, core: CoreAudio): Role {
    const { ufrag, pwd, fingerprints } = access;
    // SDP-08: with ICE-lite the browser speaks first, so it is the DTLS client wherever the choice is ours.
    const role = answerSetup(access.setup, this.#role ?? "passive");
    const { address, port, rtcpPort } = core;
    const accessEvents = eventsCodec(access.codecs);
    const coreEvents = eventsCodec(core.codecs);
    this.#plan = {
      audio: pairCodecs(access.codecs, core.codecs),
      ...(accessEvents !== undefined && coreEvents !== undefined
        ? { events: { access: accessEvents, core: coreEvents } }
        : {}),
      toCore: sends(access.direction) && receives(core.direction),
      toAccess: sends(core.direction) && receives(access.direction),
    };
    try {
      const setup = role === "active" ? "passive" : "active";
      this.#context.setAccessRemote({ ufrag, pwd, fingerprints: [...fingerprints], setup });
      // RFC 3264 §8.4: the unspecified address is a hold of old equipment and no place to send to.
      if (address !== "0.0.0.0") this.#context.setCoreRemote({ address, port, rtcpPort, latch: this.#latch });
    } catch {
      // The media plane refuses what is no address, no credential or no fingerprint it knows.
      throw new EpcscfError("epcscf/bad-sdp");
    }
    this.#role = role;
    this.#open();
    return role;
  }

  #open(): void {
    if (this.#plan === undefined) return;
    const { toCore, toAccess } = this.#plan;
    this.#context.relay({
      ...this.#plan,
      toCore: toCore && receives(this.#allowed),
      toAccess: toAccess && sends(this.#allowed),
    });
  }
}
