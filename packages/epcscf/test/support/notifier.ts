import { Dialog, parseNameAddr, type ServerTransaction, type SipRequest, type SipResponse } from "@portico/sip";
import { grant, impu, type Rig } from "./rig.ts";

/** A notifier in the scripted core: it takes SUBSCRIBEs, and says of the registration what the test wants it to. */
export class Notifier {
  readonly subscribes: SipRequest[] = [];
  dialog: Dialog | undefined;
  /** Seconds granted. */
  expires = 3600;
  /** Route that the core records. */
  recordRoute: string | undefined;
  refuse: ((tx: ServerTransaction) => boolean) | undefined;
  readonly #rig: Rig;

  constructor(of: Rig) {
    this.#rig = of;
    const others = grant(of.core);
    of.core.answer = (tx) => (tx.request.method === "SUBSCRIBE" ? this.#subscribe(tx) : others(tx));
  }

  #subscribe(tx: ServerTransaction): void {
    this.subscribes.push(tx.request);
    if (this.refuse?.(tx) === true) return;
    const recorded: [string, string][] = this.recordRoute === undefined ? [] : [["Record-Route", this.recordRoute]];
    tx.reply(200, {
      headers: [
        ["Contact", `<sip:notifier@127.0.0.1:${this.#rig.core.endpoint.port};transport=tcp>`],
        ["Expires", String(this.expires)],
        ...recorded,
      ],
    });
    // As Kamailio numbers them.
    this.dialog ??= Dialog.restore({
      callId: tx.request.callId,
      localTag: tx.localTag,
      remoteTag: tx.request.fromTag ?? "",
      local: `<${tx.request.uri}>;tag=${tx.localTag}`,
      remote: tx.request.get("From") ?? "",
      remoteTarget: parseNameAddr(tx.request.get("Contact") ?? "").uri,
      routeSet: [],
      localCseq: 3,
      phase: "confirmed",
    });
  }

  /** @param what a state of the registration, or the whole list of contacts in it. */
  async notify(what: "active" | "terminated", state = "active", contacts = "", aor = impu): Promise<SipResponse> {
    const { core, node } = this.#rig;
    const text =
      `<?xml version="1.0"?><reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="2" state="full">` +
      `<registration aor="${aor}" id="a" state="${what}">${contacts}</registration></reginfo>`;
    const request = this.dialog?.createRequest(
      "NOTIFY",
      [
        ["Event", "reg"],
        ["Subscription-State", state],
      ],
      { type: "application/reginfo+xml", text },
    );
    if (request === undefined) throw new Error("nobody has subscribed");
    const way = { address: "127.0.0.1", port: node.mwPort, protocol: "TCP" } as const;
    return await core.agent.send(request, core.endpoint.hopTo(way));
  }
}
