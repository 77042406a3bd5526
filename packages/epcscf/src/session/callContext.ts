import type { MediaContext, MediaPlane } from "@portico/agw";
import {
  parseNameAddr,
  SipRequest,
  type InviteUsage,
  type Random,
  type ServerTransaction,
  type SipMessage,
  type UserAgent,
} from "@portico/sip";
import { SessionMedia } from "../alg/sessionMedia.ts";
import type { Core } from "../core.ts";
import { EpcscfError } from "../errors.ts";
import { extensions } from "../policy/allow.ts";
import type { ChargingVectors } from "../policy/charging.ts";
import type { DialPlan } from "../policy/dialPlan.ts";
import type { Log } from "../ports.ts";
import type { Refuser } from "../refusal.ts";
import type { Registration } from "../registration/registration.ts";
import { isOpaque, sdpOf } from "./body.ts";
import { Session, type SessionEvents } from "./session.ts";
import type { SessionView } from "./view.ts";

export interface CallOptions {
  readonly core: Core;
  readonly coreAgent: UserAgent;
  readonly accessAgent: UserAgent;
  readonly media: MediaPlane;
  readonly charging: ChargingVectors;
  readonly random: Random;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  readonly log: Log;
  readonly refuser: Refuser;
  /** Checks the token of a request of the browser, where it carries one. Throws TokenError or EpcscfError. */
  readonly authorise: (request: SipRequest, registration: Registration) => Promise<void>;
  /** Host and port of this node on W2. */
  readonly accessSentBy: string;
  readonly dialPlan: DialPlan;
  /** Take the far end's media from where it comes, once, rather than only from where its SDP says (AGW-10). */
  readonly latchCoreMedia: boolean;
}

/** What calls of both directions share. */
export class CallContext {
  readonly options: CallOptions;
  readonly #opened: (session: Session) => void;
  readonly #events: SessionEvents;

  /** @param opened called with each new session. */
  constructor(options: CallOptions, opened: (session: Session) => void, events: SessionEvents) {
    this.options = options;
    this.#opened = opened;
    this.#events = events;
  }

  /** Refuses an INVITE that needs what this node has not. @throws EpcscfError 415, 420. */
  check(invite: SipRequest): void {
    const required = invite.list("Require").map((option) => option.toLowerCase());
    if (required.some((option) => !extensions.includes(option))) throw new EpcscfError("epcscf/extension");
    if (isOpaque(invite)) throw new EpcscfError("epcscf/body");
  }

  /** Reserves media and makes a session. @throws EpcscfError `epcscf/media-unavailable`, `epcscf/unregistered`. */
  async open(
    registration: Registration,
    call: { readonly charging: string; readonly direction: SessionView["direction"]; readonly remote: string },
  ): Promise<Session> {
    const { media, random, latchCoreMedia, log, refuser, authorise, wallClock } = this.options;
    let context: MediaContext;
    try {
      context = await media.open();
    } catch {
      log.alarm("media.exhausted", { contexts: media.size });
      throw new EpcscfError("epcscf/media-unavailable");
    }
    if (registration.ended) {
      context.close();
      throw new EpcscfError("epcscf/unregistered");
    }
    const session = new Session({
      id: random.token(16),
      registration,
      media: new SessionMedia(context, String(Number.parseInt(random.token(9), 36)), latchCoreMedia),
      ...call,
      wallClock,
      authorise: (request) => authorise(request, registration),
      refuse: (tx: ServerTransaction, error) => refuser.refuse(tx, error),
      events: this.#events,
    });
    this.#opened(session);
    return session;
  }

  /** Further requests of a core leg go where its dialog's route set points. */
  async follow(usage: InviteUsage, message: SipMessage): Promise<void> {
    const recorded = message.list("Record-Route");
    const routes = message instanceof SipRequest ? recorded : recorded.toReversed();
    const [contact] = message.list("Contact");
    try {
      const target = contact === undefined ? usage.invite.uri : parseNameAddr(contact).uri;
      usage.hop = await this.options.core.nextHop(routes, target);
    } catch {
      this.options.log.warn("core.route-unusable");
    }
  }

  /** The core's answer in an ACK, where it was asked for one. */
  lateAnswer(session: Session, ack: SipMessage): void {
    if (!session.awaitsCoreAnswer || session.over) return;
    session.awaitsCoreAnswer = false;
    try {
      const offer = session.media.lateCoreAnswer(sdpOf(ack) ?? "");
      if (offer !== undefined) void session.tellBrowser(offer);
    } catch {
      session.release("the answer cannot be used");
    }
  }
}
