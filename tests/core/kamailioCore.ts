import { SipRequest, UserAgent, type HeaderList, type ServerTransaction } from "@portico/sip";
import { openSipEndpoint, systemClock, systemRandom, type SipEndpoint } from "@portico/transport";
import { startKamailioCore, type KamailioCore, type KamailioCoreOptions } from "../kamailio/core.ts";
import { topology } from "../kamailio/topology.ts";
import { self, subscriptionOf, usersInOrder, type TestCore } from "./testCore.ts";

/** With what no other core can do. */
export interface KamailioTestCore extends TestCore {
  readonly kamailio: KamailioCore;
}

/** Kamailio and the Cx HSS as a core under test. */
export async function startKamailioTestCore(
  options: Pick<KamailioCoreOptions, "maxExpires" | "tls" | "reserve"> = {},
): Promise<KamailioTestCore> {
  const core = await startKamailioCore({
    subscriptions: [...usersInOrder.filter((user) => user !== "unknown").map(subscriptionOf), self],
    standby: true,
    challenged: userPart(subscriptionOf("challenged").impu),
    ...options,
  });
  const { hss, portalTls } = core;
  const [first = "", second = ""] = core.entryPoints;
  const names = ["icscf", "standby"] as const;
  const elsewhere = await Elsewhere.open();
  return {
    name: "Kamailio",
    kamailio: core,
    entryPoints: [first, second],
    portal: {
      address: topology.portal,
      port: 5060,
      ...(portalTls === undefined ? {} : { tls: { ...portalTls, port: 5061, requireClientCertificate: true } }),
    },
    peers: [topology.icscf, topology.standbyIcscf, topology.scscf, topology.reserveScscf],
    contacts: (impu) => core.contacts(impu),
    featureCaps: (impu) => core.featureCaps(impu),
    watches: (impu) => core.watches(impu),
    assignments: (impu) =>
      hss.log.flatMap(({ impu: of, assignment }) =>
        of === impu && assignment !== undefined ? [assignment.toUpperCase().replaceAll("-", "_")] : [],
      ),
    commands: (impu) => hss.log.flatMap(({ impu: of, name }) => (of === impu ? [name] : [])),
    terminate: async (impu, only) => {
      const result = await core.deregister(impu, only);
      if (result !== 2001) throw new Error(`the S-CSCF answered the RTR with ${result}`);
    },
    stopIcscf: (index) => core.stop(names[index]),
    startIcscf: (index) => core.start(names[index]),
    async restartScscf() {
      await core.stop("scscf");
      await core.start("scscf");
    },
    stopHss: () => hss.close(),
    async startHss() {
      await hss.listen();
      await core.connected();
    },
    call: (impu) => elsewhere.call(impu),
    logs: () => core.logs(),
    async close() {
      await elsewhere.close();
      await core.close();
    },
  };
}

const userPart = (impu: string): string => impu.slice(impu.indexOf(":") + 1, impu.indexOf("@"));

const audio = [
  "v=0",
  `o=- 1 1 IN IP4 ${topology.breakout}`,
  "s=-",
  `c=IN IP4 ${topology.breakout}`,
  "t=0 0",
  "m=audio 40000 RTP/AVP 8",
  "a=rtpmap:8 PCMA/8000",
  "",
].join("\r\n");

/** A gateway to other networks: calls users, and takes calls to numbers of elsewhere. */
class Elsewhere {
  readonly #endpoint: SipEndpoint;
  readonly #agent: UserAgent;

  static async open(): Promise<Elsewhere> {
    const agent = new UserAgent({ clock: systemClock, random: systemRandom, onRequest: take });
    /** Every number is answered. */
    function take(tx: ServerTransaction): void {
      if (tx.request.method !== "INVITE") return tx.reply(501);
      const headers: HeaderList = [["Contact", `<sip:callee@${topology.breakout}>`]];
      agent.accept(tx, { ended: () => undefined }).accept({ headers, body: { type: "application/sdp", text: audio } });
    }
    const endpoint = await openSipEndpoint({
      address: topology.breakout,
      port: 5060,
      onMessage: (message, hop) => agent.receive(message, hop),
    });
    return new Elsewhere(endpoint, agent);
  }

  private constructor(endpoint: SipEndpoint, agent: UserAgent) {
    this.#endpoint = endpoint;
    this.#agent = agent;
  }

  call(impu: string): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const request = SipRequest.create(
      "INVITE",
      impu,
      [
        ["Max-Forwards", "70"],
        ["From", `<sip:+12025550120@${topology.breakout}>;tag=${systemRandom.token(8)}`],
        ["To", `<${impu}>`],
        ["Call-ID", systemRandom.token(16)],
        ["CSeq", "1 INVITE"],
        ["Contact", `<sip:caller@${topology.breakout}>`],
        ["P-Asserted-Identity", "<tel:+12025550120>"],
      ],
      { type: "application/sdp", text: audio },
    );
    const hop = this.#endpoint.hopTo({ address: topology.icscf, port: 5060, protocol: "UDP" });
    const usage = this.#agent.invite(request, hop, {
      accepted: () => {
        usage.ack();
        usage.end();
        resolve(200);
      },
      rejected: ({ status }) => resolve(status),
      ended: () => undefined,
    });
    return promise;
  }

  async close(): Promise<void> {
    this.#agent.close();
    await this.#endpoint.close();
  }
}
