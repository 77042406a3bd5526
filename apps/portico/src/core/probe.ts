import { parseUri, SipRequest, type SipResponse, targetsOf, UserAgent } from "@portico/sip";
import { openSipEndpoint, type SipEndpoint, systemClock, systemRandom, systemResolver } from "@portico/transport";
import type { PortalConfig } from "../config/schema.ts";
import { mwCredentials } from "./mwCredentials.ts";

/** Milliseconds that one way into the core may take. */
const patience = 4000;

/** What the core said, and where. */
export interface CoreAnswer {
  /** `TCP 10.1.0.5:5060` */
  readonly at: string;
  /** 408 where nothing came, 503 where the way was dead. */
  readonly status: number;
  /** Why the connection could not be made. */
  readonly reason?: string | undefined;
  /** From sending to the answer, seconds. */
  readonly seconds: number;
  /** Date of the answer (RFC 3261 §20.17), milliseconds since the epoch; undefined without one. */
  readonly date: number | undefined;
}

/** Asks the core whether it is there, from this node's own address on Mw but a port of its own. */
export class CoreProbe {
  readonly #config: Pick<PortalConfig, "home">;
  readonly #endpoint: SipEndpoint;
  readonly #agent: UserAgent;
  /** Why connections could not be made, by {@link CoreAnswer.at}: several checks ask at once, over the same connections. */
  readonly #reasons: ReadonlyMap<string, string>;
  readonly #resolver = systemResolver({ clock: systemClock });

  /** @throws TransportError when the address of Mw is not this machine's */
  static async open(config: Pick<PortalConfig, "home" | "mw">): Promise<CoreProbe> {
    // Who calls the probe calls nobody.
    const agent = new UserAgent({ clock: systemClock, random: systemRandom, onRequest: (tx) => tx.reply(501) });
    const reasons = new Map<string, string>();
    const endpoint = await openSipEndpoint({
      address: config.mw.address,
      port: 0,
      ...(config.mw.tls === undefined ? {} : { tls: { port: 0, ...mwCredentials(config.mw.tls) } }),
      onMessage: (message, hop) => agent.receive(message, hop),
      onHopClosed: (hop) => agent.hopClosed(hop),
      onUnreached: ({ message }, { address, port }, protocol) => reasons.set(`${protocol} ${address}:${port}`, message),
    });
    return new CoreProbe(config, endpoint, agent, reasons);
  }

  private constructor(
    config: Pick<PortalConfig, "home">,
    endpoint: SipEndpoint,
    agent: UserAgent,
    reasons: ReadonlyMap<string, string>,
  ) {
    this.#config = config;
    this.#endpoint = endpoint;
    this.#agent = agent;
    this.#reasons = reasons;
  }

  /**
   * OPTIONS (RFC 3261 §11) to the entries of the home network, until one answers: any final response is one.
   * @returns every attempt, the last one first the one that counts
   */
  async options(): Promise<CoreAnswer[]> {
    return await this.#ask(() => this.#request("OPTIONS", `sip:${this.#config.home.domain}`));
  }

  /**
   * REGISTER as a trusted node (TS 33.203 Annex U) without a Contact: it asks for the bindings of the identity and changes none
   * (RFC 3261 §10.2.3).
   */
  async register({ impu, impi }: { impu: string; impi: string }): Promise<CoreAnswer[]> {
    const { domain } = this.#config.home;
    return await this.#ask(() =>
      this.#request("REGISTER", impu)
        .set("P-Visited-Network-ID", `"${domain}"`)
        .set("P-Charging-Vector", `icid-value="${systemRandom.token(20)}";icid-generated-at=${this.#endpoint.address}`)
        .set(
          "Authorization",
          `Digest username="${impi}", realm="${domain}", uri="sip:${domain}", nonce="", response="", ` +
            `integrity-protected="auth-done"`,
        ),
    );
  }

  async close(): Promise<void> {
    this.#agent.close();
    await this.#endpoint.close();
  }

  #request(method: string, aor: string): SipRequest {
    return SipRequest.create(method, `sip:${this.#config.home.domain}`, [
      ["Max-Forwards", "70"],
      ["From", `<${aor}>;tag=${systemRandom.token(10)}`],
      ["To", `<${aor}>`],
      ["Call-ID", systemRandom.token(24)],
      ["CSeq", `1 ${method}`],
    ]);
  }

  async #ask(request: () => SipRequest): Promise<CoreAnswer[]> {
    const { entryPoint, protocol } = this.#config.home;
    const protocols = this.#endpoint.tlsPort === undefined ? inTheClear : withTls;
    const answers: CoreAnswer[] = [];
    for (const entry of [entryPoint].flat()) {
      const parsed = parseUri(/^sips?:/i.test(entry) ? entry : `sip:${entry}`);
      const named = parsed.params.has("transport") || parsed.port === undefined;
      const uri = named ? parsed : { ...parsed, params: new Map([...parsed.params, ["transport", protocol]]) };
      const ways = targetsOf(uri, { resolver: this.#resolver, random: systemRandom, protocols });
      for await (const { protocol: by, address, port, host } of ways) {
        if (by === "WS" || by === "WSS") continue;
        const start = performance.now();
        const hop = this.#endpoint.hopTo({ protocol: by, address, port, host });
        const response = await withinPatience(this.#agent.send(request(), hop));
        const at = `${by} ${address}:${port}`;
        answers.push({
          at,
          status: response?.status ?? 408,
          reason: this.#reasons.get(at),
          seconds: (performance.now() - start) / 1000,
          date: dateOf(response),
        });
        if (response !== undefined && response.status !== 503 && response.status !== 408) return answers;
      }
    }
    return answers;
  }
}

const inTheClear = ["TCP", "UDP"] as const;
const withTls = ["TLS", ...inTheClear] as const;

async function withinPatience(response: Promise<SipResponse>): Promise<SipResponse | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, patience, undefined);
  const first = await Promise.race([response, late]);
  clearTimeout(timer);
  return first;
}

function dateOf(response: SipResponse | undefined): number | undefined {
  const date = Date.parse(response?.get("Date") ?? "");
  return Number.isNaN(date) ? undefined : date;
}
