import type { MediaContext, MediaPlane } from "@portico/agw";
import {
  formatNameAddr,
  parseNameAddr,
  sameUri,
  SipRequest,
  type InviteUsage,
  type Random,
  type ServerTransaction,
  type SipMessage,
  type SipResponse,
  type UserAgent,
} from "@portico/sip";
import { SessionMedia } from "../alg/sessionMedia.ts";
import type { Core } from "../core.ts";
import { EpcscfError } from "../errors.ts";
import type { ChargingVectors } from "../policy/charging.ts";
import { resolveTarget, type DialPlan } from "../policy/dialPlan.ts";
import { carried, wantsPrivacy } from "../policy/headers.ts";
import { assertedIdentity } from "../policy/identity.ts";
import type { Log } from "../ports.ts";
import type { Registration } from "../registration/registration.ts";
import type { Flow } from "../w2/flow.ts";
import { allow, sdpBody, sdpOf, Session } from "./session.ts";

/** MMTel, the IMS telephony service (TS 24.173). */
const mmtel = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"';
const anonymous = "sip:anonymous@anonymous.invalid";

export interface SessionsOptions {
  readonly core: Core;
  readonly coreAgent: UserAgent;
  readonly accessAgent: UserAgent;
  readonly media: MediaPlane;
  readonly charging: ChargingVectors;
  readonly random: Random;
  readonly log: Log;
  /** Host and port of this node on W2. */
  readonly accessSentBy: string;
  readonly dialPlan: DialPlan;
  /** Take the far end's media from where it comes, once, rather than only from where its SDP says (AGW-10). */
  readonly latchCoreMedia: boolean;
}

/** All calls of this node. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #sessions = new Set<Session>();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Ends the calls of a registration. */
  release(registration: Registration, why: string): void {
    for (const session of this.#of(registration)) session.release(why);
  }

  /** Further requests to the browser go to its new flow. */
  flowReplaced(registration: Registration, flow: Flow): void {
    for (const session of this.#of(registration)) {
      const access = session.leg("access");
      if (access !== undefined) access.hop = flow;
    }
  }

  /** A call of a registered browser. Answers in every case. */
  async outgoing(tx: ServerTransaction, registration: Registration): Promise<void> {
    const { accessAgent, coreAgent, core } = this.#options;
    let session: Session | undefined;
    let gaveUp = false;
    const access = accessAgent.accept(tx, {
      cancelled: (cancel) => {
        gaveUp = true;
        session?.endOther("access", cancel);
      },
      request: (inside) => void session?.inside("access", inside),
      ended: ({ message }) => session?.endOther("access", message),
    });
    try {
      const offer = sdpOf(tx.request);
      if (offer === undefined) throw new EpcscfError("epcscf/bad-sdp");
      const invite = this.#coreInvite(tx.request, registration);
      session = await this.#open(registration);
      session.setLeg("access", access);
      if (gaveUp) return session.finish();
      const body = session.media.accessOffer(offer);
      invite.setBody("application/sdp", body);
      const hop = await core.nextHop(registration.serviceRoute, invite.uri);
      if (gaveUp) return session.finish();
      session.setLeg("core", this.#callCore(session, access, invite, hop, coreAgent));
    } catch (error) {
      session?.finish();
      access.reject(...this.#refusal(error));
    }
  }

  /** A call of the core for a registered browser. Answers in every case. */
  async incoming(tx: ServerTransaction, registration: Registration): Promise<void> {
    const { coreAgent, accessAgent } = this.#options;
    let session: Session | undefined;
    let gaveUp = false;
    const core = coreAgent.accept(tx, {
      acknowledged: (ack) => session !== undefined && this.#lateAnswer(session, ack),
      cancelled: (cancel) => {
        gaveUp = true;
        session?.endOther("core", cancel);
      },
      request: (inside) => void session?.inside("core", inside),
      ended: ({ message }) => session?.endOther("core", message),
    });
    try {
      const { flow } = registration;
      if (flow === undefined) throw new EpcscfError("epcscf/flow-gone");
      const invite = this.#accessInvite(tx.request, registration);
      session = await this.#open(registration);
      session.setLeg("core", core);
      await this.#follow(core, tx.request);
      if (gaveUp) return session.finish();
      const offer = sdpOf(tx.request);
      session.awaitsCoreAnswer = offer === undefined;
      invite.setBody("application/sdp", session.media.coreOffer(offer));
      session.setLeg("access", this.#callBrowser(session, core, invite, flow, accessAgent));
    } catch (error) {
      session?.finish();
      core.reject(...this.#refusal(error));
    }
  }

  #callCore(
    session: Session,
    access: InviteUsage,
    invite: SipRequest,
    hop: Parameters<UserAgent["invite"]>[1],
    agent: UserAgent,
  ): InviteUsage {
    const { accessSentBy } = this.#options;
    const contact: [string, string] = ["Contact", `<sip:${session.id}@${accessSentBy};transport=ws>`];
    let answer: string | undefined;
    /** The browser gets one answer; what later responses say moves the far side only. */
    const answered = (response: SipResponse): { body?: ReturnType<typeof sdpBody> } => {
      const sdp = sdpOf(response);
      if (sdp !== undefined && answer === undefined) answer = session.media.coreAnswer(sdp);
      else if (sdp !== undefined) session.media.coreAnswerAgain(sdp);
      return answer === undefined ? {} : { body: sdpBody(answer) };
    };
    const guarded = (usage: InviteUsage, work: () => void): void => {
      try {
        work();
      } catch (error) {
        session.finish();
        usage.end();
        access.reject(...this.#refusal(error));
      }
    };
    const usage: InviteUsage = agent.invite(invite, hop, {
      progress: (response) =>
        guarded(usage, () =>
          access.progress(response.status, {
            reason: response.reason,
            headers: [contact, ...carried(response, "down")],
            ...answered(response),
          }),
        ),
      accepted: (response) =>
        void this.#coreAccepted(usage, response).then(() =>
          guarded(usage, () =>
            access.accept({
              headers: [contact, ["Allow", allow], ...carried(response, "down")],
              ...answered(response),
            }),
          ),
        ),
      rejected: (response) => {
        session.finish();
        access.reject(...this.#coreRefusal(response));
      },
      request: (inside) => void session.inside("core", inside),
      acknowledged: (ack) => this.#lateAnswer(session, ack),
      ended: ({ message }) => session.endOther("core", message),
    });
    return usage;
  }

  async #coreAccepted(usage: InviteUsage, response: SipResponse): Promise<void> {
    await this.#follow(usage, response);
    usage.ack();
  }

  #callBrowser(session: Session, core: InviteUsage, invite: SipRequest, flow: Flow, agent: UserAgent): InviteUsage {
    const { core: mw } = this.#options;
    const { registration } = session;
    const asserted = assertedByCalled(core.invite, registration);
    const headers: [string, string][] = [
      ["Contact", `<${mw.uri(session.id)}>;${mmtel}`],
      ["P-Asserted-Identity", asserted],
    ];
    const reliable = core.invite.list("Require").includes("100rel");
    const usage: InviteUsage = agent.invite(invite, flow, {
      progress: ({ status, reason }) => core.progress(status, { reason, headers, reliable }),
      accepted: (response) => {
        usage.ack();
        try {
          const answer = sdpOf(response);
          if (answer === undefined) throw new EpcscfError("epcscf/bad-sdp");
          const body = sdpBody(session.media.accessAnswer(answer));
          core.accept({ headers: [...headers, ["Allow", allow], ...carried(response, "up")], body });
        } catch (error) {
          session.finish();
          usage.bye();
          core.reject(...this.#refusal(error));
        }
      },
      rejected: (response) => {
        session.finish();
        // RFC 5626 §5.3.1: a browser that does not answer at all is a dead flow; a redirection is not the browser's to give.
        const status = response.status === 408 ? 480 : response.status < 400 ? 480 : response.status;
        core.reject(status, { headers: carried(response, "up") });
      },
      request: (inside) => void session.inside("access", inside),
      ended: ({ message }) => session.endOther("access", message),
    });
    return usage;
  }

  /** The INVITE toward the core: a dialog of this node's own, the user's identity asserted (spec 3.9). */
  #coreInvite(request: SipRequest, registration: Registration): SipRequest {
    const { core, random, charging, dialPlan } = this.#options;
    const target = resolveTarget(request.uri, dialPlan);
    const { from } = request;
    const [identity = `<${registration.impu}>`] = registration.associated;
    const hidden = from.uri.toLowerCase() === anonymous;
    const own = hidden ? from : { ...from, uri: parseNameAddr(identity).uri };
    return SipRequest.create("INVITE", target, [
      ["Max-Forwards", String(hopsLeft(request))],
      ...registration.serviceRoute.map((route): [string, string] => ["Route", route]),
      ["From", formatNameAddr({ ...own, params: new Map([["tag", random.token(12)]]) })],
      ["To", `<${target}>`],
      ["Call-ID", `${random.token(24)}@${core.sentBy}`],
      ["CSeq", "1 INVITE"],
      ["Contact", `<${core.uri(random.token(16))}>;${mmtel}`],
      ["P-Asserted-Identity", assertedIdentity(request, registration.associated)],
      ["P-Charging-Vector", charging.next()],
      ["Supported", "100rel"],
      ["Allow", allow],
      ["Accept", "application/sdp"],
      ...carried(request, "up"),
    ]);
  }

  /** The INVITE toward the browser (spec 3.11). */
  #accessInvite(request: SipRequest, registration: Registration): SipRequest {
    const { random, accessSentBy } = this.#options;
    const { from, to } = request;
    const caller = wantsPrivacy(request) ? { display: "Anonymous", uri: anonymous } : from;
    return SipRequest.create("INVITE", registration.accessContact, [
      ["Max-Forwards", String(hopsLeft(request))],
      ["From", formatNameAddr({ ...caller, params: new Map([["tag", random.token(12)]]) })],
      ["To", formatNameAddr({ ...to, params: new Map() })],
      ["Call-ID", `${random.token(24)}@${accessSentBy}`],
      ["CSeq", "1 INVITE"],
      ["Contact", `<sip:${random.token(16)}@${accessSentBy};transport=ws>`],
      ["Supported", "100rel"],
      ["Allow", allow],
      ["Accept", "application/sdp"],
      ...carried(request, "down"),
    ]);
  }

  async #open(registration: Registration): Promise<Session> {
    const { media, random, latchCoreMedia } = this.#options;
    let context: MediaContext;
    try {
      context = await media.open();
    } catch {
      this.#options.log.alarm("media.exhausted", { contexts: media.size });
      throw new EpcscfError("epcscf/media-unavailable");
    }
    const sdpSession = String(Number.parseInt(random.token(9), 36));
    const session = new Session({
      id: random.token(16),
      registration,
      media: new SessionMedia(context, sdpSession, latchCoreMedia),
      done: (one) => this.#sessions.delete(one),
    });
    this.#sessions.add(session);
    return session;
  }

  /** Further requests of a core leg go where its dialog's route set points. */
  async #follow(usage: InviteUsage, message: SipMessage): Promise<void> {
    const recorded = message.list("Record-Route");
    const routes = message instanceof SipRequest ? recorded : recorded.toReversed();
    const [contact] = message.list("Contact");
    const target = contact === undefined ? usage.invite.uri : parseNameAddr(contact).uri;
    try {
      usage.hop = await this.#options.core.nextHop(routes, target);
    } catch {
      this.#options.log.warn("core.route-unusable");
    }
  }

  #lateAnswer(session: Session, ack: SipMessage): void {
    if (!session.awaitsCoreAnswer) return;
    session.awaitsCoreAnswer = false;
    try {
      session.media.lateCoreAnswer(sdpOf(ack) ?? "");
    } catch (error) {
      if (!(error instanceof EpcscfError)) throw error;
      session.release("the answer cannot be used");
    }
  }

  #refusal(error: unknown): [status: number, options: { reason: string; headers: [string, string][] }] {
    if (!(error instanceof EpcscfError)) {
      this.#options.log.alarm("session.internal", { message: error instanceof Error ? error.message : "unknown" });
      return [500, { reason: "Server Internal Error", headers: [] }];
    }
    const headers: [string, string][] =
      error.status === 488 ? [["Warning", `305 ${this.#options.core.sentBy} "${error.message}"`]] : [];
    return [error.status, { reason: error.message, headers }];
  }

  /** A core's refusal as the browser may see it: challenges and redirections are not hers to act on. */
  #coreRefusal(response: SipResponse): [status: number, options: { reason?: string; headers: [string, string][] }] {
    const { status, reason } = response;
    const headers = carried(response, "down");
    const retry = response.get("Retry-After");
    if (retry !== undefined) headers.push(["Retry-After", retry]);
    if (status < 400) return [480, { headers }];
    if (status === 401 || status === 407) {
      this.#options.log.alarm("core.challenged-session", { status });
      return [503, { headers }];
    }
    return [status, { reason, headers }];
  }

  #of(registration: Registration): Session[] {
    return [...this.#sessions].filter((session) => session.registration === registration);
  }
}

function hopsLeft(request: SipRequest): number {
  const hops = Number.parseInt(request.get("Max-Forwards") ?? "70", 10);
  if (!(hops > 0)) throw new EpcscfError("epcscf/hops");
  return hops - 1;
}

/** The identity of the one who answers: that which was called, when it is hers (EPC-SES-07). */
function assertedByCalled(request: SipRequest, registration: Registration): string {
  const [identity = `<${registration.impu}>`] = registration.associated;
  const called = request.get("P-Called-Party-ID");
  if (called === undefined) return identity;
  const { uri } = parseNameAddr(called);
  return registration.associated.find((value) => sameUri(parseNameAddr(value).uri, uri)) ?? identity;
}
