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
import { icidValue, type ChargingVectors } from "../policy/charging.ts";
import { checkMoment, checkService } from "../policy/restrictions.ts";
import type { Log, SharedLimits, TenantPolicy } from "../ports.ts";
import type { Refuser } from "../refusal.ts";
import type { Registration } from "../registration/registration.ts";
import type { Tally } from "../tally.ts";
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
  readonly policyOf: (tenant: string) => TenantPolicy;
  readonly sharedLimits?: SharedLimits | undefined;
  /** Nobody answers where a registration's requests go. */
  readonly scscfLost: (registration: Registration) => void;
  /** Whether the core that has forbidden something knows the user no more. */
  readonly isForgotten: (registration: Registration) => Promise<boolean>;
  /** Take the far end's media from where it comes, once, rather than only from where its SDP says (AGW-10). */
  readonly latchCoreMedia: boolean;
}

export interface CallEvents extends SessionEvents {
  opened(session: Session): void;
}

/** A call that is about to be. */
interface NewCall {
  readonly charging: string;
  readonly direction: SessionView["direction"];
  readonly remote: string;
}

/** What calls of both directions share. */
export class CallContext {
  readonly options: CallOptions;
  readonly #tally: Tally;
  readonly #events: CallEvents;

  constructor(options: CallOptions, tally: Tally, events: CallEvents) {
    this.options = options;
    this.#tally = tally;
    this.#events = events;
  }

  /** Refuses an INVITE that needs what this node has not. @throws EpcscfError 415, 420. */
  check(invite: SipRequest): void {
    const required = invite.list("Require").map((option) => option.toLowerCase());
    if (required.some((option) => !extensions.includes(option))) throw new EpcscfError("epcscf/extension");
    if (isOpaque(invite)) throw new EpcscfError("epcscf/body");
  }

  /** Reserves media and makes a session. @throws EpcscfError when there are no media, or the call is not allowed. */
  async open(registration: Registration, call: NewCall): Promise<Session> {
    const { tenant } = registration.entry;
    const icid = icidValue(call.charging);
    const { maxCalls } = this.options.policyOf(tenant);
    if (maxCalls !== undefined && this.#tally.with(tenant, icid) > maxCalls)
      throw new EpcscfError("epcscf/tenant-calls");
    // It is counted from here on, so that two calls at once do not both pass as the last one allowed.
    this.#tally.add(tenant, icid);
    try {
      await this.#admitEverywhere(tenant, icid, maxCalls);
      return await this.#open(registration, call);
    } finally {
      this.#tally.remove(tenant, icid);
    }
  }

  async #admitEverywhere(tenant: string, icid: string, maxCalls: number | undefined): Promise<void> {
    const { sharedLimits } = this.options;
    if (sharedLimits === undefined || maxCalls === undefined) return;
    const own = this.#tally.with(tenant, icid);
    if (!(await sharedLimits.admit("calls", tenant, own, maxCalls))) throw new EpcscfError("epcscf/tenant-calls");
  }

  async #open(registration: Registration, call: NewCall): Promise<Session> {
    const { media, random, latchCoreMedia, log, refuser, authorise, wallClock } = this.options;
    let context: MediaContext;
    try {
      context = await media.open();
    } catch {
      log.alarm("media.exhausted", { contexts: media.size });
      throw new EpcscfError("epcscf/media-unavailable");
    }
    try {
      // From here to the tally nothing waits, so that two calls at once do not both pass as the last one allowed.
      this.#admit(registration, call);
    } catch (error) {
      context.close();
      throw error;
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
    this.#events.opened(session);
    return session;
  }

  /** Whether the user may have this call now (EPC-SES-16). @throws EpcscfError. */
  #admit(registration: Registration, { direction, charging }: NewCall): void {
    if (registration.ended !== undefined) throw new EpcscfError("epcscf/unregistered");
    const { impu, claims } = registration;
    const { scope, restrictions } = claims;
    checkService("voice", scope, restrictions);
    checkMoment(direction === "outgoing" ? "mo" : "mt", this.options.wallClock(), restrictions);
    const icid = icidValue(charging);
    const maxSessions = restrictions?.maxSessions;
    if (maxSessions !== undefined && this.#tally.with(impu, icid) > maxSessions) {
      throw new EpcscfError("epcscf/user-calls");
    }
  }

  /** Further requests of a core leg go where its dialog's route set points. */
  async follow(usage: InviteUsage, message: SipMessage): Promise<void> {
    const recorded = message.list("Record-Route");
    const routes = message instanceof SipRequest ? recorded : recorded.toReversed();
    const [contact] = message.list("Contact");
    try {
      const target = contact === undefined ? usage.invite.uri : parseNameAddr(contact).uri;
      usage.hop = await this.options.core.nextHop(routes, target).first();
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
