import type { MediaContext, MediaEvent } from "@portico/agw";
import type { Codec, Direction } from "@portico/sdp";
import { EpcscfError } from "../errors.ts";
import { AccessSide, type AccessAudio } from "./accessSide.ts";
import { accessOfferCodecs, coreOfferCodecs, eventsCodec, pairCodecs, voiceCodecs } from "./audio.ts";
import { CoreSide, type CoreAudio } from "./coreSide.ts";

const sends = (direction: Direction): boolean => direction === "sendrecv" || direction === "sendonly";
const receives = (direction: Direction): boolean => direction === "sendrecv" || direction === "recvonly";

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
  #accessAnswered: readonly Codec[] = [];
  #coreWritten: readonly Codec[] = [];
  #setup: "active" | "passive" = "passive";

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
    if (voiceCodecs(offer.codecs).length === 0) throw new EpcscfError("epcscf/no-common-media");
    this.#fromAccess = offer;
    // SDP-08: with ICE-lite the browser speaks first, so it is the DTLS client wherever it leaves the choice.
    this.#setup = offer.setup === "passive" ? "active" : "passive";
    this.#coreWritten = coreOfferCodecs(offer.codecs);
    return this.#core.write(this.#coreWritten, offer.direction);
  }

  /** The core's answer becomes the answer for the browser; media may flow. */
  coreAnswer(sdp: string): string {
    const offer = this.#fromAccess;
    if (offer === undefined) throw new EpcscfError("epcscf/bad-sdp");
    const answer = this.#core.read(sdp);
    const pairs = pairCodecs(offer.codecs, answer.codecs);
    if (pairs.length === 0) throw new EpcscfError("epcscf/no-common-media");
    this.#fromCore = answer;
    const events = eventsCodec(answer.codecs) === undefined ? undefined : eventsCodec(offer.codecs);
    // RFC 3264 §6.1: the far end's order decides which codec is used.
    const voice = voiceCodecs(answer.codecs).flatMap(
      ({ name }) => pairs.find(({ core }) => core.name === name)?.access ?? [],
    );
    this.#accessAnswered = events === undefined ? voice : [...voice, events];
    this.#apply(offer, answer, this.#setup === "active" ? "passive" : "active");
    return this.#access.answer(this.#accessAnswered, answer.direction, this.#setup);
  }

  /** The core's offer (or none, when it wants ours) becomes the offer for the browser. */
  coreOffer(sdp: string | undefined): string {
    const offer = sdp === undefined ? undefined : this.#core.read(sdp);
    if (offer !== undefined && voiceCodecs(offer.codecs).length === 0) {
      throw new EpcscfError("epcscf/no-common-media");
    }
    this.#fromCore = offer;
    return this.#access.offer(accessOfferCodecs(offer?.codecs), offer?.direction ?? "sendrecv");
  }

  /** The browser's answer becomes the answer for the core, or, where the core made no offer, the offer to it. */
  accessAnswer(sdp: string): string {
    const answer = this.#access.read(sdp);
    this.#fromAccess = answer;
    const offer = this.#fromCore;
    if (offer === undefined) {
      this.#coreWritten = coreOfferCodecs(answer.codecs);
      return this.#core.write(this.#coreWritten, answer.direction);
    }
    const pairs = pairCodecs(answer.codecs, offer.codecs);
    if (pairs.length === 0) throw new EpcscfError("epcscf/no-common-media");
    const events = eventsCodec(answer.codecs) === undefined ? undefined : eventsCodec(offer.codecs);
    const voice = pairs.map(({ core }) => core);
    this.#coreWritten = events === undefined ? voice : [...voice, events];
    this.#apply(answer, offer, answer.setup === "passive" ? "passive" : "active");
    return this.#core.write(this.#coreWritten, answer.direction);
  }

  /** The core's answer to the offer it asked for (in the ACK). */
  lateCoreAnswer(sdp: string): void {
    const access = this.#fromAccess;
    if (access === undefined) throw new EpcscfError("epcscf/bad-sdp");
    const answer = this.#core.read(sdp);
    this.#fromCore = answer;
    this.#apply(access, answer, access.setup === "passive" ? "passive" : "active");
  }

  /** Another answer of the core after the browser has had its one (a fork, or 200 after 18x): only the far side moves. */
  coreAnswerAgain(sdp: string): void {
    const access = this.#fromAccess;
    if (access === undefined) throw new EpcscfError("epcscf/bad-sdp");
    const answer = this.#core.read(sdp);
    if (pairCodecs(this.#accessAnswered, answer.codecs).length === 0) throw new EpcscfError("epcscf/no-common-media");
    this.#fromCore = answer;
    this.#apply(
      { ...access, codecs: [...this.#accessAnswered] },
      answer,
      this.#setup === "active" ? "passive" : "active",
    );
  }

  /** What to call when an offer made from here on is refused: the session is described as it was (RFC 3264 §4). */
  checkpoint(): () => void {
    const [fromAccess, fromCore, written] = [this.#fromAccess, this.#fromCore, this.#coreWritten];
    const [access, core] = [this.#access.checkpoint(), this.#core.checkpoint()];
    return () => {
      [this.#fromAccess, this.#fromCore, this.#coreWritten] = [fromAccess, fromCore, written];
      access();
      core();
    };
  }

  /** The present description toward the core once more, for a peer that asks for an offer in mid-call. */
  coreOfferAgain(): string {
    return this.#core.write(this.#coreWritten, this.#fromAccess?.direction ?? "sendrecv");
  }

  on(listener: (event: MediaEvent) => void): () => void {
    return this.#context.on(listener);
  }

  close(): void {
    this.#context.close();
  }

  /** @param setup the browser's DTLS role. */
  #apply(access: AccessAudio, core: CoreAudio, setup: "active" | "passive"): void {
    const { ufrag, pwd, fingerprints } = access;
    this.#context.setAccessRemote({ ufrag, pwd, fingerprints: [...fingerprints], setup });
    const { address, port, rtcpPort } = core;
    this.#context.setCoreRemote({ address, port, rtcpPort, latch: this.#latch });
    const accessEvents = eventsCodec(access.codecs);
    const coreEvents = eventsCodec(core.codecs);
    this.#context.relay({
      audio: pairCodecs(access.codecs, core.codecs),
      ...(accessEvents !== undefined && coreEvents !== undefined
        ? { events: { access: accessEvents, core: coreEvents } }
        : {}),
      toCore: sends(access.direction) && receives(core.direction),
      toAccess: sends(core.direction) && receives(access.direction),
    });
  }
}
