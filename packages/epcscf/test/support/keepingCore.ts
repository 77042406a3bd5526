import { createResponse, parseNameAddr, SipRequest, type Clock, type ServerTransaction } from "@portico/sip";
import { Leg } from "./call.ts";
import { plainSdp } from "./sdp.ts";
import type { ScriptedCore } from "./rig.ts";

/** What a registrar keeps of a REGISTER. */
interface Kept {
  readonly impu: string;
  readonly callId: string;
  readonly cseq: number;
  /** On the clock's scale, ms. */
  readonly until: number;
}

interface Watcher {
  readonly subscribe: SipRequest;
  cseq: number;
}

/** An S-CSCF that keeps bindings as RFC 3261 §10.3 asks, tells of them, answers calls, and may be out of order. */
export class KeepingCore {
  mood: "well" | "silent" | "busy" = "well";
  /** By user part of the Contact. */
  readonly #bindings = new Map<string, Kept>();
  /** By IMPU: subscriptions to its reg event, the latest for each subscriber. */
  readonly #watchers = new Map<string, Map<string, Watcher>>();
  readonly #deaf = new Set<number>();
  #called: (leg: Leg) => void = () => undefined;
  #answers = true;
  readonly #core: ScriptedCore;
  readonly #clock: Clock;

  constructor(core: ScriptedCore, clock: Clock) {
    this.#core = core;
    this.#clock = clock;
    core.answer = (tx) => this.#answer(tx);
  }

  /** A node has died: what was on its way from there has never been sent. @param port of the node on Mw. */
  cut(port: number): void {
    this.#deaf.add(port);
  }

  /** Hands calls over as they come. @param answers false: they ring. */
  hold(called: (leg: Leg) => void, answers = true): void {
    this.#called = called;
    this.#answers = answers;
  }

  /** User parts of the Contacts bound now. */
  get keys(): ReadonlySet<string> {
    for (const [key, { until }] of this.#bindings) if (until <= this.#clock.now()) this.#bindings.delete(key);
    return new Set(this.#bindings.keys());
  }

  /**
   * Ends all bindings of an identity and tells whoever watches it.
   * @param named with a <contact>, as TS 24.229 asks
   * @param late seconds after which the NOTIFY arrives: what was lost is sent again
   */
  end(impu: string, named: boolean, late = 0): void {
    const keys = [...this.#bindings].filter(([, kept]) => kept.impu === impu).map(([key]) => key);
    for (const key of keys) this.#bindings.delete(key);
    const contacts = keys.map(
      (key) => `<contact id="${key}" state="terminated" event="rejected"><uri>sip:${key}@p</uri></contact>`,
    );
    const watchers = [...(this.#watchers.get(impu)?.values() ?? [])];
    this.#watchers.delete(impu);
    const tell = (): void => {
      for (const watcher of watchers) this.#notify(watcher, impu, named ? contacts : []);
    };
    if (late === 0) tell();
    else this.#clock.setTimer(late * 1000, tell);
  }

  #notify(watcher: Watcher, impu: string, contacts: readonly string[]): void {
    const { subscribe } = watcher;
    watcher.cseq += 1;
    const { uri } = parseNameAddr(subscribe.get("Contact") ?? "");
    const request = SipRequest.create(
      "NOTIFY",
      uri,
      [
        ["Max-Forwards", "70"],
        ["From", `${subscribe.get("To")};tag=scscf`],
        ["To", subscribe.get("From") ?? ""],
        ["Call-ID", subscribe.callId],
        ["CSeq", `${watcher.cseq} NOTIFY`],
        ["Contact", `<${this.#core.uri};transport=tcp>`],
        ["Event", "reg"],
        ["Subscription-State", "terminated;reason=noresource"],
      ],
      {
        type: "application/reginfo+xml",
        text: `<?xml version="1.0"?><reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="1" state="full"><registration aor="${impu}" id="a" state="terminated">${contacts.join("")}</registration></reginfo>`,
      },
    );
    const port = Number(/:(\d+)/.exec(uri.slice(uri.indexOf("@")))?.[1]);
    const hop = this.#core.endpoint.hopTo({ address: "127.0.0.1", port, protocol: "TCP" });
    // Whether anybody is there is not this element's concern.
    this.#core.agent.send(request, hop).catch(() => undefined);
  }

  #answer(tx: ServerTransaction): void {
    if (this.mood === "silent" || this.#deaf.has(tx.request.topVia.port ?? 0)) return;
    if (this.mood === "busy") return tx.reply(503, { headers: [["Retry-After", "1"]] });
    const { request } = tx;
    if (request.method === "REGISTER") return this.#register(tx);
    if (request.method === "SUBSCRIBE") return this.#subscribe(tx);
    if (request.method !== "INVITE") return tx.reply(200);
    const leg = new Leg();
    leg.usage = this.#core.agent.accept(tx, leg.events);
    this.#called(leg);
    if (!this.#answers) return leg.usage.progress(180);
    return leg.usage.accept({
      headers: [["Contact", `<${this.#core.uri};transport=tcp>`]],
      body: { type: "application/sdp", text: plainSdp() },
    });
  }

  #subscribe(tx: ServerTransaction): void {
    const { request } = tx;
    const impu = request.to.uri;
    const watchers = this.#watchers.get(impu) ?? new Map<string, Watcher>();
    this.#watchers.set(impu, watchers);
    watchers.set(request.get("Contact") ?? "", { subscribe: request, cseq: 0 });
    tx.respond(
      createResponse(request, 200, {
        toTag: "scscf",
        headers: [
          ["Contact", `<${this.#core.uri};transport=tcp>`],
          ["Expires", request.get("Expires") ?? "0"],
        ],
      }),
    );
  }

  #register(tx: ServerTransaction): void {
    const { request } = tx;
    const contact = request.get("Contact") ?? "";
    const { uri } = parseNameAddr(contact);
    const key = uri.slice(4, uri.indexOf("@"));
    const { callId, cseq } = request;
    const before = this.#bindings.get(key);
    // RFC 3261 §10.3, step 7: an older REGISTER of the same client changes nothing.
    if (before?.callId === callId && cseq.number <= before.cseq) return tx.reply(500);
    const seconds = Number(request.get("Expires"));
    if (seconds === 0) this.#bindings.delete(key);
    else {
      const until = this.#clock.now() + seconds * 1000;
      this.#bindings.set(key, { impu: request.to.uri, callId, cseq: cseq.number, until });
    }
    return tx.reply(200, {
      headers: [
        ["Path", request.get("Path") ?? ""],
        ["Service-Route", `<sip:orig@127.0.0.1:${this.#core.endpoint.port};transport=tcp;lr>`],
        ["P-Associated-URI", `<${request.to.uri}>`],
        ["Require", "outbound"],
        ...(seconds === 0 ? [] : [["Contact", contact] as [string, string]]),
      ],
    });
  }
}
