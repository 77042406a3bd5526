import { createHash } from "node:crypto";
import { SipRequest, UserAgent, parseCredentials } from "@portico/sip";
import type { SipResponse } from "@portico/sip";
import { openSipEndpoint, systemClock, systemRandom } from "@portico/transport";
import type { SipEndpoint } from "@portico/transport";
import { afterEach, beforeEach, expect, test } from "vitest";
import { countTone, startLab } from "../src/index.ts";
import type { Lab } from "../src/index.ts";
import { TelephoneCall } from "../src/telephones/call.ts";
import { TestNode, mary } from "./ue.ts";

const olivia = {
  impi: "olivia@ims.test",
  impu: "sip:olivia@ims.test",
  tel: "+12025550199",
  digestPassword: "correct horse",
};

let lab: Lab;
let node: TestNode;

beforeEach(async () => {
  lab = await startLab({ subscriptions: [mary, olivia], trusted: [] });
  node = await TestNode.open(lab);
});

afterEach(async () => {
  await lab.close();
  await node.close();
});

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

/** A plain SIP softphone: no IMS header, no Route, its registrar as outbound proxy. */
class Softphone {
  readonly #endpoint: SipEndpoint;
  readonly #agent: UserAgent;
  readonly #protocol: "UDP" | "TCP";
  #cseq = 0;

  private constructor(endpoint: SipEndpoint, agent: UserAgent, protocol: "UDP" | "TCP") {
    this.#endpoint = endpoint;
    this.#agent = agent;
    this.#protocol = protocol;
  }

  /** At an address that the core does not trust. */
  static async open(protocol: "UDP" | "TCP", calls: TelephoneCall[], address = "127.0.0.3"): Promise<Softphone> {
    const agent = new UserAgent({
      clock: systemClock,
      random: systemRandom,
      onRequest: (tx) => {
        void phone.#call("in").then((call) => {
          call.attach(agent.accept(tx, call.events()));
          calls.push(call);
          return call.answer();
        });
      },
    });
    const endpoint = await openSipEndpoint({
      address,
      port: 0,
      onMessage: (m, hop) => agent.receive(m, hop),
    });
    const phone = new Softphone(endpoint, agent, protocol);
    return phone;
  }

  get #contact(): string {
    return `<sip:olivia@10.0.0.7:5060;transport=${this.#protocol.toLowerCase()}>`;
  }

  #hop() {
    return this.#endpoint.hopTo({ ...lab.icscf, protocol: this.#protocol });
  }

  #headers(method: string, to: string): [string, string][] {
    return [
      ["Max-Forwards", "70"],
      ["From", `<${olivia.impu}>;tag=${systemRandom.token(8)}`],
      ["To", `<${to}>`],
      ["Call-ID", systemRandom.token(12)],
      ["CSeq", `${(this.#cseq += 1)} ${method}`],
      ["Contact", this.#contact],
    ];
  }

  async register(password: string, expires = 600): Promise<SipResponse> {
    const send = (extra: [string, string][]): Promise<SipResponse> => {
      const headers: [string, string][] = [...this.#headers("REGISTER", olivia.impu), ["Expires", String(expires)]];
      return this.#agent.send(SipRequest.create("REGISTER", "sip:ims.test", [...headers, ...extra]), this.#hop());
    };
    const challenge = await send([]);
    if (challenge.status !== 401) throw new Error(`${challenge.status} in place of a challenge`);
    const asked = parseCredentials(challenge.get("WWW-Authenticate") ?? "");
    const nonce = asked.scheme === "digest" ? asked.params.get("nonce") : undefined;
    const ha1 = md5(`olivia@ims.test:ims.test:${password}`);
    const response = md5(`${ha1}:${nonce}:00000001:abc:auth:${md5("REGISTER:sip:ims.test")}`);
    return await send([
      [
        "Authorization",
        `Digest username="olivia@ims.test", realm="ims.test", nonce="${nonce}", uri="sip:ims.test", ` +
          `response="${response}", algorithm=MD5, cnonce="abc", qop=auth, nc=00000001`,
      ],
    ]);
  }

  async call(to: string): Promise<TelephoneCall> {
    const call = await this.#call("out");
    const request = SipRequest.create("INVITE", to, this.#headers("INVITE", to), call.offer());
    // Everything goes to the outbound proxy, whose Record-Route stands first
    call.attach(this.#agent.invite(request, this.#hop(), call.events()));
    return call;
  }

  #call(direction: "in" | "out"): Promise<TelephoneCall> {
    return TelephoneCall.open({
      number: "softphone",
      peer: "",
      direction,
      address: "127.0.0.3",
      rtpPorts: [44_000, 44_999],
      headers: [["Contact", this.#contact]],
      media: () => undefined,
      key: () => undefined,
    });
  }

  async close(): Promise<void> {
    await this.#endpoint.close();
    this.#agent.close();
  }
}

test.each(["UDP", "TCP"] as const)(
  "a softphone registers with Digest over %s, calls a web user and is called",
  async (protocol) => {
    const calls: TelephoneCall[] = [];
    const phone = await Softphone.open(protocol, calls);
    const wrong = await phone.register("wrong");
    expect([wrong.status, wrong.reason]).toEqual([403, "Authentication Failed"]);
    const ok = await phone.register("correct horse");
    expect([ok.status, ok.list("P-Associated-URI")]).toEqual([200, ["<sip:olivia@ims.test>", "<tel:+12025550199>"]]);
    expect(ok.has("P-Charging-Vector")).toBe(false);
    await node.register(mary);

    const taken = new Promise<TelephoneCall>((resolve) => {
      node.onInvite = (tx) => {
        expect(tx.request.list("P-Asserted-Identity")).toEqual(["<sip:olivia@ims.test>", "<tel:+12025550199>"]);
        void node.take(mary, tx).then(resolve);
      };
    });
    const out = await phone.call("sip:u0001@acme.ims.test");
    out.play({ frequency: 800, onMs: 1000, offMs: 0 });
    const incoming = await taken;
    incoming.answer();
    expect(await out.connected).toBe(true);
    await expect.poll(() => countTone(incoming.heard(), 800)).toBeGreaterThan(1);
    incoming.hangUp();
    expect(await out.ended).toEqual({ by: "peer" });

    const { call } = await node.call(mary, "tel:+12025550199");
    expect(await call.connected).toBe(true);
    calls[0]?.hangUp();
    expect(await call.ended).toEqual({ by: "peer" });
    expect((await phone.register("correct horse", 0)).status).toBe(200);
    expect(lab.registrations.map(({ impu }) => impu)).toEqual([mary.impu]);
    expect(lab.violations).toEqual([]);
    await phone.close();
  },
);

test.each(["127.0.0.3", "127.0.0.1"])("who has not registered calls nobody, from %s", async (address) => {
  const phone = await Softphone.open("UDP", [], address);
  const call = await phone.call("tel:+12025550110");
  expect(await call.ended).toEqual({ by: "rejected", status: 403 });
  expect(lab.violations).toEqual([]);
  await phone.close();
});
