import {
  formatNameAddr,
  parseNameAddr,
  SipRequest,
  type InviteUsage,
  type ServerTransaction,
  type SipResponse,
  type Target,
} from "@portico/sip";
import { earlyMediaOf } from "../alg/earlyMedia.ts";
import { EpcscfError } from "../errors.ts";
import { allow } from "../policy/allow.ts";
import { dial } from "../policy/dialPlan.ts";
import { carried, earlyMediaSupported } from "../policy/headers.ts";
import { assertedIdentity } from "../policy/identity.ts";
import { hopsLeft } from "../policy/maxForwards.ts";
import { asksToRestore } from "../policy/restoration.ts";
import { checkDestination } from "../policy/restrictions.ts";
import type { Refusal } from "../refusal.ts";
import type { Registration } from "../registration/registration.ts";
import { retryAfter } from "../relay.ts";
import type { Way } from "../way.ts";
import { sdpBody, sdpOf } from "./body.ts";
import type { CallContext } from "./callContext.ts";
import { anonymous, mmtel } from "./identities.ts";
import type { Session } from "./session.ts";

/** Calls of browsers toward the core. */
export class OutgoingCalls {
  readonly #context: CallContext;

  constructor(context: CallContext) {
    this.#context = context;
  }

  /** Answers in every case. */
  async call(tx: ServerTransaction, registration: Registration): Promise<void> {
    const { accessAgent, core, charging, refuser } = this.#context.options;
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
      this.#context.check(tx.request);
      const offer = sdpOf(tx.request);
      if (offer === undefined) throw new EpcscfError("epcscf/bad-sdp");
      const vector = charging.next();
      const invite = this.#invite(tx.request, registration, vector);
      const call = { charging: vector, direction: "outgoing", remote: invite.uri } as const;
      session = await this.#context.open(registration, call);
      session.setLeg("access", access);
      if (gaveUp) return session.finish({ by: "access", status: 487 });
      const body = session.media.accessOffer(offer);
      invite.setBody("application/sdp", body);
      const way = core.nextHop(registration.serviceRoute);
      const target = await way.next();
      if (session.over) return;
      if (target === undefined) throw this.#unreachable(registration);
      this.#callCore(tx, { session, access }, invite, { way, target });
    } catch (error) {
      const refusal = refuser.of(tx, error);
      session?.finish({ by: "portal", status: refusal[0] });
      access.reject(...refusal);
    }
  }

  #callCore(
    tx: ServerTransaction,
    legs: { session: Session; access: InviteUsage },
    invite: SipRequest,
    { way, target }: { way: Way; target: Target },
  ): void {
    const { session, access } = legs;
    const { coreAgent, accessSentBy, refuser } = this.#context.options;
    const contact: [string, string] = ["Contact", `<sip:${session.id}@${accessSentBy};transport=ws>`];
    const reliable = tx.request.list("Require").includes("100rel");
    let answer: string | undefined;
    /** The browser gets one answer; what later responses say moves the far side only. */
    const answered = (response: SipResponse): { body?: ReturnType<typeof sdpBody> } => {
      const sdp = sdpOf(response);
      if (sdp !== undefined && answer === undefined) answer = session.media.coreAnswer(sdp);
      else if (sdp !== undefined) session.media.coreAnswerAgain(sdp);
      return answer === undefined ? {} : { body: sdpBody(answer) };
    };
    const guarded = (work: () => void): void => {
      if (session.over) return;
      try {
        work();
      } catch (error) {
        const refusal = refuser.of(tx, error);
        session.finish({ by: "portal", status: refusal[0] });
        usage.end();
        access.reject(...refusal);
      }
    };
    const progress = (response: SipResponse): void => {
      const allowed = earlyMediaOf(response.get("P-Early-Media"));
      if (allowed !== undefined) session.media.authorise(allowed);
      const headers = [contact, ...carried(response, "down")];
      access.progress(response.status, { reason: response.reason, reliable, headers, ...answered(response) });
    };
    const accept = (response: SipResponse): void => {
      const described = answered(response);
      if (described.body === undefined) throw new EpcscfError("epcscf/no-answer");
      session.media.authorise("sendrecv");
      access.accept({ headers: [contact, ["Allow", allow], ...carried(response, "down")], ...described });
    };
    const accepted = async (response: SipResponse): Promise<void> => {
      await this.#context.follow(usage, response);
      usage.ack();
      await session.answered();
      guarded(() => accept(response));
    };
    let heard = false;
    const rejected = async (response: SipResponse): Promise<void> => {
      if (session.over) return;
      const failed = isFailure(response);
      if (failed) way.failed(target, response.has("Via") ? retryAfter(response) : undefined);
      // RFC 3263 §4.3: the next one is tried, unless somebody has been reached already.
      const next = failed && !heard ? await way.next() : undefined;
      if (session.over) return;
      if (next !== undefined) return this.#callCore(tx, legs, invite, { way, target: next });
      const lost = heard ? undefined : await this.#loss(response, session.registration);
      if (session.over) return;
      const refusal = lost === undefined ? this.#coreRefusal(response) : refuser.of(tx, lost);
      session.finish({ by: "core", status: refusal[0] });
      access.reject(...refusal);
    };
    const usage: InviteUsage = coreAgent.invite(invite, way.hopTo(target), {
      progress: (response) => {
        heard = true;
        guarded(() => progress(response));
      },
      accepted: (response) => void accepted(response),
      rejected: (response) => void rejected(response),
      request: (inside) => void session.inside("core", inside),
      acknowledged: (ack) => this.#context.lateAnswer(session, ack),
      ended: ({ message }) => session.endOther("core", message),
    });
    session.setLeg("core", usage);
  }

  /** The INVITE toward the core: a dialog of this node's own, the user's identity asserted (spec 3.9). */
  #invite(request: SipRequest, registration: Registration, vector: string): SipRequest {
    const { core, random, policyOf } = this.#context.options;
    const { dialPlan } = policyOf(registration.entry.tenant);
    const { target } = dial(request.uri, dialPlan);
    checkDestination(target, dialPlan, registration.claims.restrictions);
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
      ["P-Charging-Vector", vector],
      ...(earlyMediaSupported(request) ? [["P-Early-Media", "supported"] as const] : []),
      ["Supported", "100rel"],
      ["Allow", allow],
      ["Accept", "application/sdp"],
      ...carried(request, "up"),
    ]);
  }

  /** What a final refusal says of the S-CSCF, where it says that this has lost the user. */
  async #loss(response: SipResponse, registration: Registration): Promise<EpcscfError | undefined> {
    const silent = isFailure(response) && !response.has("Via");
    if (silent || (response.status === 504 && asksToRestore(response))) return this.#unreachable(registration);
    // TS 24.229 §5.4.3.2: so an S-CSCF refuses whom it does not have as registered; and so are many calls refused for good.
    const forgotten = response.status === 403 && (await this.#context.options.isForgotten(registration));
    return forgotten ? new EpcscfError("epcscf/scscf-lost") : undefined;
  }

  /** Nobody answers where the registration's requests go. */
  #unreachable(registration: Registration): EpcscfError {
    if (registration.serviceRoute.length === 0) return new EpcscfError("epcscf/core-unreachable");
    this.#context.options.scscfLost(registration);
    return new EpcscfError("epcscf/scscf-lost");
  }

  /** A core's refusal as the browser may see it: challenges and redirections are not hers to act on. */
  #coreRefusal(response: SipResponse): Refusal {
    const { status, reason } = response;
    const headers = carried(response, "down");
    const retry = response.get("Retry-After");
    if (retry !== undefined) headers.push(["Retry-After", retry]);
    if (status < 400) return [480, { headers }];
    if (status === 401 || status === 407) {
      this.#context.options.log.alarm("core.challenged-session", { status });
      return [503, { headers }];
    }
    return [status, { reason, headers }];
  }
}

/** RFC 3263 §4.3: a 503, or (without a Via, made here) no answer at all. */
function isFailure(response: SipResponse): boolean {
  return response.status === 503 || (response.status === 408 && !response.has("Via"));
}
