import {
  parseNameAddr,
  SipRequest,
  type Hop,
  type InviteEnd,
  type InviteEvents,
  type InviteUsage,
  type ServerTransaction,
  type SipResponse,
} from "@portico/sip";
import { grant, impu, type Browser, type Rig } from "./rig.ts";
import { chromiumAnswer, chromiumOffer, plainSdp } from "./sdp.ts";
import { until } from "./until.ts";

export const sdp = (text: string): { type: string; text: string } => ({ type: "application/sdp", text });

/** One end of a call, with all that happened to it. */
export class Leg {
  readonly responses: SipResponse[] = [];
  readonly acks: SipRequest[] = [];
  readonly inside: ServerTransaction[] = [];
  readonly pracks: SipRequest[] = [];
  accepted: SipResponse | undefined;
  rejected: SipResponse | undefined;
  cancelled: SipRequest | undefined;
  ended: InviteEnd | undefined;
  /** The answer in our ACK, for an INVITE without an offer. */
  ackBody: { type: string; text: string } | undefined;
  /** How to answer what comes inside the dialog. */
  onInside: (tx: ServerTransaction) => void = (tx) => tx.reply(200);
  #usage: InviteUsage | undefined;

  get usage(): InviteUsage {
    if (this.#usage === undefined) throw new Error("no call yet");
    return this.#usage;
  }

  set usage(usage: InviteUsage) {
    this.#usage = usage;
  }

  get events(): InviteEvents {
    return {
      progress: (response) => void this.responses.push(response),
      accepted: (response) => {
        this.accepted = response;
        this.usage.ack(this.ackBody);
      },
      rejected: (response) => (this.rejected = response),
      cancelled: (request) => (this.cancelled = request),
      acknowledged: (ack) => void this.acks.push(ack),
      pracked: (prack) => void this.pracks.push(prack),
      request: (tx) => {
        this.inside.push(tx);
        this.onInside(tx);
      },
      ended: (end) => (this.ended = end),
    };
  }
}

/** A browser that has registered. */
export async function registered(rig: Rig, token?: string): Promise<Browser> {
  const browser = await rig.connect();
  const response = await browser.register(token ?? (await rig.token()));
  if (response.status !== 200) throw new Error(`registration failed: ${response.status}`);
  return browser;
}

let calls = 0;

/** An INVITE of the browser. */
export function dial(
  browser: Browser,
  options: {
    target?: string;
    offer?: string;
    headers?: [string, string][];
    from?: string;
    body?: { type: string; text: string };
  } = {},
): Leg {
  const {
    target = "tel:+442079460123",
    offer = chromiumOffer(),
    headers = [],
    from = `"Mary Jones" <${impu}>`,
  } = options;
  const leg = new Leg();
  calls += 1;
  const invite = SipRequest.create(
    "INVITE",
    target,
    [
      ["Max-Forwards", "70"],
      ["From", `${from};tag=w${calls}`],
      ["To", `<${target}>`],
      ["Call-ID", `c-${calls}@k3v9q0d1xm.invalid`],
      ["CSeq", "1 INVITE"],
      ["Contact", "<sip:u0042@k3v9q0d1xm.invalid;transport=ws>"],
      ["Supported", "100rel"],
      ...headers,
    ],
    options.body ?? (offer === "" ? undefined : sdp(offer)),
  );
  leg.usage = browser.agent.invite(invite, browser, leg.events);
  return leg;
}

/** Has the core hand over its next INVITE; all else it grants. */
export function nextAtCore(rig: Rig): Promise<Leg> {
  const { promise, resolve } = Promise.withResolvers<Leg>();
  const other = grant(rig.core);
  rig.core.answer = (tx) => {
    if (tx.request.method !== "INVITE") return other(tx);
    const leg = new Leg();
    leg.usage = rig.core.agent.accept(tx, leg.events);
    return resolve(leg);
  };
  return promise;
}

/** Has the browser hand over its next INVITE. */
export function nextAtBrowser(browser: Browser): Promise<Leg> {
  const { promise, resolve } = Promise.withResolvers<Leg>();
  browser.answer = (tx) => {
    if (tx.request.method !== "INVITE") return tx.reply(200);
    const leg = new Leg();
    leg.usage = browser.agent.accept(tx, leg.events);
    return resolve(leg);
  };
  return promise;
}

/** Contact and Path as the core holds them from the last REGISTER. */
export function binding(rig: Rig): { contact: string; path: string } {
  const register = rig.core.last("REGISTER");
  return {
    contact: parseNameAddr(register.list("Contact")[0] ?? "").uri,
    path: register.list("Path")[0] ?? "",
  };
}

export function toNode(rig: Rig, protocol: "TCP" | "UDP" = "TCP"): Hop {
  return rig.core.endpoint.hopTo({ address: "127.0.0.1", port: rig.node.mwPort, protocol });
}

/** A request of the core for the registered browser. */
export function fromCore(
  rig: Rig,
  method: string,
  options: {
    headers?: [string, string][];
    body?: { type: string; text: string };
    path?: string;
    /** Request-URI. */
    contact?: string;
    from?: string;
    to?: string;
  } = {},
): SipRequest {
  const { contact, path } = { ...binding(rig), ...options };
  calls += 1;
  return SipRequest.create(
    method,
    contact,
    [
      ["Max-Forwards", "66"],
      ["Route", path],
      ["From", `${options.from ?? "<sip:+442079460123@op2.example;user=phone>"};tag=t${calls}`],
      ["To", options.to ?? "<tel:+12125550142>"],
      ["Call-ID", `in-${calls}@op2.example`],
      ["CSeq", `1 ${method}`],
      ...(options.headers ?? []),
    ],
    options.body,
  );
}

/** An INVITE of the core for the registered browser. */
export function ring(
  rig: Rig,
  options: {
    /** "": none. */
    offer?: string;
    /** The answer in the ACK. */
    late?: string;
    headers?: [string, string][];
    path?: string;
    /** Request-URI. */
    contact?: string;
    from?: string;
    body?: { type: string; text: string };
  } = {},
): Leg {
  const { offer = plainSdp({ codecs: "97 8 99" }), headers = [], late, body } = options;
  const leg = new Leg();
  if (late !== undefined) leg.ackBody = sdp(late);
  const invite = fromCore(rig, "INVITE", {
    ...options,
    headers: [contactOf(rig), ["Supported", "100rel"], ...headers],
    ...(body === undefined ? (offer === "" ? {} : { body: sdp(offer) }) : { body }),
  });
  leg.usage = rig.core.agent.invite(invite, toNode(rig), leg.events);
  return leg;
}

/** An answered call of the browser. */
export async function callOut(
  rig: Rig,
  browser: Browser,
  options: Parameters<typeof dial>[1] = {},
): Promise<{ near: Leg; far: Leg }> {
  const incoming = nextAtCore(rig);
  const near = dial(browser, options);
  const far = await incoming;
  far.usage.accept({ headers: [contactOf(rig)], body: sdp(plainSdp()) });
  await until(() => near.accepted !== undefined && far.acks.length > 0);
  await until(() => near.usage.state === "confirmed");
  return { near, far };
}

/** An answered call of the core. */
export async function callIn(
  rig: Rig,
  browser: Browser,
  options: Parameters<typeof ring>[1] = {},
): Promise<{ near: Leg; far: Leg }> {
  const incoming = nextAtBrowser(browser);
  const far = ring(rig, options);
  const near = await incoming;
  near.usage.accept({
    headers: [["Contact", "<sip:u0042@k3v9q0d1xm.invalid;transport=ws>"]],
    body: sdp(chromiumAnswer()),
  });
  await until(() => far.accepted !== undefined && near.acks.length > 0);
  return { near, far };
}

/** Contact of the far end: the scripted core itself. */
export function contactOf(rig: Rig): [string, string] {
  return ["Contact", `<sip:mgcf3@127.0.0.1:${rig.core.endpoint.port};transport=tcp>`];
}

/** The silent media context of the latest call. */
export function context(rig: Rig): Rig["media"]["contexts"][number] {
  const last = rig.media.contexts.at(-1);
  if (last === undefined) throw new Error("no media context");
  return last;
}

/** True when nothing of any call is left. */
export const idle = (rig: Rig): boolean => rig.node.counts.sessions === 0 && rig.media.size === 0;
