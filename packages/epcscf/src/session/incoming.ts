import {
  formatNameAddr,
  parseNameAddr,
  sameUri,
  SipRequest,
  type InviteUsage,
  type ServerTransaction,
  type SipResponse,
} from "@portico/sip";
import { EpcscfError } from "../errors.ts";
import { allow } from "../policy/allow.ts";
import { carried, wantsPrivacy } from "../policy/headers.ts";
import { hopsLeft } from "../policy/maxForwards.ts";
import type { Registration } from "../registration/registration.ts";
import type { Flow } from "../w2/flow.ts";
import { sdpBody, sdpOf } from "./body.ts";
import type { CallContext } from "./callContext.ts";
import { anonymous, mmtel } from "./identities.ts";
import type { Session } from "./session.ts";

/** Calls of the core for browsers. */
export class IncomingCalls {
  readonly #context: CallContext;

  constructor(context: CallContext) {
    this.#context = context;
  }

  /** Answers in every case. @throws EpcscfError before the INVITE is taken on. */
  async call(tx: ServerTransaction, registration: Registration): Promise<void> {
    const { coreAgent, charging, refuser } = this.#context.options;
    let session: Session | undefined;
    let gaveUp = false;
    const core = coreAgent.accept(tx, {
      acknowledged: (ack) => session !== undefined && this.#context.lateAnswer(session, ack),
      cancelled: (cancel) => {
        gaveUp = true;
        session?.endOther("core", cancel);
      },
      request: (inside) => void session?.inside("core", inside),
      ended: ({ message }) => session?.endOther("core", message),
    });
    try {
      this.#context.check(tx.request);
      const invite = this.#invite(tx.request, registration);
      session = await this.#context.open(registration, {
        charging: charging.within(tx.request.get("P-Charging-Vector")),
        direction: "incoming",
        remote: invite.from.uri,
      });
      session.setLeg("core", core);
      if (gaveUp) return session.finish({ by: "core", status: 487 });
      await this.#context.follow(core, tx.request);
      if (session.over) return;
      const { flow } = registration;
      if (flow === undefined) throw new EpcscfError("epcscf/flow-gone");
      const offer = sdpOf(tx.request);
      session.awaitsCoreAnswer = offer === undefined;
      invite.setBody("application/sdp", session.media.coreOffer(offer));
      session.setLeg("access", this.#callBrowser(tx, session, core, invite, flow));
    } catch (error) {
      const refusal = refuser.of(tx, error);
      session?.finish({ by: "portal", status: refusal[0] });
      core.reject(...refusal);
    }
  }

  #callBrowser(
    tx: ServerTransaction,
    session: Session,
    core: InviteUsage,
    invite: SipRequest,
    flow: Flow,
  ): InviteUsage {
    const { core: mw, accessAgent, charging, refuser } = this.#context.options;
    const headers: [string, string][] = [
      ["Contact", `<${mw.uri(session.id)}>;${mmtel}`],
      ["P-Asserted-Identity", assertedByCalled(tx.request, session.registration)],
      ["P-Charging-Vector", charging.answer(tx.request.get("P-Charging-Vector"))],
    ];
    const reliable = tx.request.list("Require").includes("100rel");
    let description: string | undefined;
    const accepted = async (response: SipResponse): Promise<void> => {
      usage.ack();
      if (session.over) return;
      try {
        const answer = sdpOf(response) ?? description;
        if (answer === undefined) throw new EpcscfError("epcscf/no-answer");
        const body = sdpBody(session.media.accessAnswer(answer));
        await session.answered();
        if (!session.over) core.accept({ headers: [...headers, ["Allow", allow], ...carried(response, "up")], body });
      } catch (error) {
        const refusal = refuser.of(tx, error);
        session.finish({ by: "portal", status: refusal[0] });
        usage.bye();
        core.reject(...refusal);
      }
    };
    const usage: InviteUsage = accessAgent.invite(invite, flow, {
      progress: (response) => {
        // A browser may answer in a reliable response and not again in its 200 (RFC 6337 §2.2).
        description ??= sdpOf(response);
        const { status, reason } = response;
        core.progress(status, { reason, headers: [...headers, ...carried(response, "up")], reliable });
      },
      accepted: (response) => void accepted(response),
      rejected: (response) => {
        if (session.over) return;
        session.finish({ by: "access", status: response.status });
        core.reject(statusForCore(response, flow), { headers: carried(response, "up") });
      },
      request: (inside) => void session.inside("access", inside),
      ended: ({ message }) => session.endOther("access", message),
    });
    return usage;
  }

  /** The INVITE toward the browser (spec 3.11). */
  #invite(request: SipRequest, registration: Registration): SipRequest {
    const { random, accessSentBy } = this.#context.options;
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
}

/** What the core is told of a browser's refusal. */
function statusForCore({ status }: SipResponse, flow: Flow): number {
  // RFC 5626 §5.3.1: the way to the browser is gone; another flow of the user may be there.
  if (!flow.open) return 430;
  // Silence (408; 487 after Timer C), a redirection, a challenge: not the browser's to give, so it cannot be reached.
  return status < 400 || [401, 407, 408, 487].includes(status) ? 480 : status;
}

/** The identity of the one who answers: that which was called, when it is hers (EPC-SES-07). */
function assertedByCalled(request: SipRequest, registration: Registration): string {
  const [identity = `<${registration.impu}>`] = registration.associated;
  const called = request.get("P-Called-Party-ID");
  if (called === undefined) return identity;
  const { uri } = parseNameAddr(called);
  return registration.associated.find((value) => sameUri(parseNameAddr(value).uri, uri)) ?? identity;
}
