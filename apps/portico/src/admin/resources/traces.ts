import type { TraceView } from "@portico/epcscf";
import { Type } from "typebox";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import { at, closed, instant, named, oneOf, text } from "../fields.ts";

const impu = text(255, "Public user identity.");
const ofUser = Type.Object({ impu }, closed);

const facts = {
  impu,
  since: instant(),
  until: instant("When it ends, or has ended, by itself."),
  count: Type.Integer({ minimum: 0, description: "Messages it has." }),
  dropped: Type.Integer({ minimum: 0, description: "Messages that did not fit." }),
};
const trace = named("Trace", facts);
const traced = named("TraceWithMessages", {
  ...facts,
  messages: Type.Array(
    named("TracedMessage", {
      at: instant(),
      point: oneOf(["W2", "Mw"]),
      way: oneOf(["in", "out"], "Seen from the node."),
      text: Type.String({ description: "The head without credentials; of a body, its length." }),
    }),
  ),
});

/** TS 24.229 §4.8, ADM-07: on the node that is asked. */
export const traceEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "listTraces",
    method: "GET",
    path: "/traces",
    tag: "traces",
    summary: "Traces of this node, running or readable",
    success: {
      status: 200,
      description: "All of them.",
      body: named("TraceList", { items: Type.Array(trace) }),
    },
    async handle({ live }) {
      return { body: { items: live.traces.all().map(shown) } };
    },
  }),
  endpoint({
    id: "startTrace",
    method: "PUT",
    path: "/traces/{impu}",
    tag: "traces",
    summary: "Trace the SIP messages of a user on this node, for a time; one that there is begins anew",
    description:
      "It ends by itself. Tokens, credentials and bodies are not kept. It can be read for an hour after its end.",
    params: ofUser,
    body: Type.Object(
      {
        seconds: Type.Integer({ minimum: 1, maximum: 3600 }),
        reason: text(500, "Why; it stands in the audit."),
      },
      closed,
    ),
    success: { status: 200, description: "It runs.", body: trace },
    async handle({ live, waf, audit }, { principal, params, body: { seconds, reason } }) {
      const tenant = (await waf.block.find(params.impu))?.tenant;
      let view: TraceView;
      try {
        view = live.traces.start(params.impu, seconds);
      } catch {
        const headers = { "Retry-After": "60" };
        throw new AdminError("unavailable", { detail: "as many users are traced at once as a node does", headers });
      }
      const detail = { seconds, reason };
      await audit({ tenant, actor: principal.actor, action: "trace.start", subject: params.impu, detail });
      return { body: shown(view) };
    },
  }),
  endpoint({
    id: "getTrace",
    method: "GET",
    path: "/traces/{impu}",
    tag: "traces",
    summary: "What a trace has so far; who reads it stands in the audit",
    params: ofUser,
    success: { status: 200, description: "The trace.", body: traced },
    async handle({ live, waf, audit }, { principal, params }) {
      const view = live.traces.read(params.impu);
      if (view === undefined) throw new AdminError("not_found");
      const tenant = (await waf.block.find(params.impu))?.tenant;
      await audit({ tenant, actor: principal.actor, action: "trace.read", subject: params.impu });
      const messages = view.messages.map((one) => ({ ...one, at: at(one.at) }));
      return { body: { ...shown(view), messages } };
    },
  }),
  endpoint({
    id: "endTrace",
    method: "DELETE",
    path: "/traces/{impu}",
    tag: "traces",
    summary: "End a trace, and forget what it has",
    params: ofUser,
    success: { status: 204, description: "It is gone." },
    async handle({ live }, { params }) {
      if (!live.traces.stop(params.impu)) throw new AdminError("not_found");
      return {};
    },
  }),
];

const shown = ({ impu: of, since, until, messages, dropped }: TraceView) => {
  return { impu: of, since: at(since), until: at(until), count: messages.length, dropped };
};
