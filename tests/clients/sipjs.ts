import { Inviter, Registerer, RegistererState, SessionState, UserAgent } from "sip.js";
import type { ClientSetting, StockClient } from "./client.ts";

/** SIP.js as it comes. */
export class SipJsClient implements StockClient {
  failure: string | undefined;
  readonly #agent: UserAgent;
  readonly #registerer: Registerer;
  readonly #extraHeaders: string[];

  constructor({ url, impu, authorization }: ClientSetting) {
    this.#extraHeaders = [`Authorization: ${authorization}`];
    const uri = UserAgent.makeURI(impu);
    if (uri === undefined) throw new TypeError(`no URI: ${impu}`);
    this.#agent = new UserAgent({
      uri,
      transportOptions: { server: url },
      // By itself it asks a STUN server of a third company, and waits five seconds for it where that is not reached.
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
      logBuiltinEnabled: false,
    });
    const registrar = UserAgent.makeURI("sip:ims.test");
    this.#registerer = new Registerer(this.#agent, {
      expires: 600,
      // Half of what is granted: its default, 99 %, leaves a tenth of a second here.
      refreshFrequency: 50,
      extraHeaders: this.#extraHeaders,
      ...(registrar === undefined ? {} : { registrar }),
    });
    this.#registerer.stateChange.addListener((state) => {
      if (state !== RegistererState.Registered && state !== RegistererState.Initial) this.failure = state;
    });
  }

  start(): void {
    void this.#agent.start().then(() => this.#registerer.register());
  }

  async call(target: string): Promise<"answered" | "failed"> {
    const uri = UserAgent.makeURI(target);
    if (uri === undefined) return "failed";
    const inviter = new Inviter(this.#agent, uri);
    const result = new Promise<"answered" | "failed">((resolve) => {
      inviter.stateChange.addListener((state) => {
        if (state === SessionState.Established) resolve("answered");
        if (state === SessionState.Terminated) resolve("failed");
      });
    });
    await inviter.invite();
    const how = await result;
    if (how === "answered") await inviter.bye();
    return how;
  }

  async stop(): Promise<void> {
    const left = new Promise<void>((resolve) => {
      this.#registerer.stateChange.addListener((state) => {
        if (state === RegistererState.Unregistered) resolve();
      });
    });
    await this.#registerer.unregister({ requestOptions: { extraHeaders: this.#extraHeaders } });
    await left;
  }
}
