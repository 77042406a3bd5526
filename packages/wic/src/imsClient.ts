import { accessTimers, UserAgent } from "@portico/sip";
import type { ServerTransaction } from "@portico/sip";
import { LocalAddress } from "./address.ts";
import { browserPlatform } from "./browserPlatform.ts";
import type { Call, CallLine } from "./call.ts";
import { callEnd } from "./callEnd.ts";
import { Connection } from "./connection.ts";
import type { PhoneState } from "./connection.ts";
import { dialTarget } from "./dialTarget.ts";
import { Emitter } from "./emitter.ts";
import { WicError } from "./errors.ts";
import { allow, supported } from "./headers.ts";
import type { TokenSource } from "./imsSession.ts";
import { IncomingCall } from "./incomingCall.ts";
import { takeInstance } from "./instanceId.ts";
import type { Instance } from "./instanceId.ts";
import { lendMicrophone } from "./microphone.ts";
import { OutgoingCall } from "./outgoingCall.ts";
import type { Platform } from "./platform.ts";
import { TokenKeeper } from "./tokenKeeper.ts";

export interface ImsClientOptions {
  /** Fetches the session, and each later token, from the web site's own server. */
  readonly tokens: TokenSource;
  /**
   * Hands out the page's microphone for a call; the page owns it and learns from the call's `ended` when it is free again.
   * If left out, the SDK asks the browser for it at each call and stops it after.
   */
  readonly microphone?: () => Promise<MediaStream>;
  /** Hides the user's identity from those she calls (RFC 3323, RFC 3325 `Privacy: id`). Each call can differ. */
  readonly hideIdentity?: boolean;
  /**
   * Authorisation servers (issuer URLs) whose challenges may make the client fetch a new token (RFC 8898 §2.1.1). If left
   * out, any https server may: the token always comes from {@link tokens}, never from the server that a challenge names.
   */
  readonly trustedAuthorizationServers?: readonly string[];
  /** The environment; the browser's if left out. */
  readonly platform?: Platform;
}

/** Events of an {@link ImsClient}. */
export type ImsClientEvents = {
  /**
   * A new state, with the reason where it is not the plain course of things, and the whole seconds until the next attempt
   * while one is waited for; told again without them when the attempt begins, which a browser that is online again or a
   * page that is looked at makes earlier.
   */
  state: [state: PhoneState, reason: WicError | undefined, retryInSeconds: number | undefined];
  /** Somebody calls. Another call may be active: ring it as waiting, or decline it as busy. */
  incoming: [call: Call];
};

/** The identity a client is registered with. */
export interface OwnIdentity {
  readonly impu: string;
  readonly tel?: string;
  readonly displayName?: string;
  /** All identities registered together; the first is the default. */
  readonly associated: readonly string[];
}

interface Life {
  readonly tokens: TokenKeeper;
  readonly address: LocalAddress;
  readonly agent: UserAgent;
  readonly connection: Connection;
  readonly instance: Instance;
  readonly line: CallLine;
}

/**
 * The WebRTC IMS Client (WIC): registers the user's identity through the portal and makes and takes calls. It keeps itself
 * connected until {@link logOut}, or until the network or the web site ends it.
 *
 * @example
 * const phone = new ImsClient({ tokens: async () => (await fetch("/api/ims-session")).json() });
 * phone.on("state", (state, reason) => show(state, reason?.message));
 * phone.on("incoming", (call) => ring(call));
 * await phone.start();
 * const call = phone.call("+12025550110");
 */
export class ImsClient {
  readonly #options: ImsClientOptions;
  readonly #platform: Platform;
  readonly #events: Emitter<ImsClientEvents>;
  readonly #calls = new Set<IncomingCall | OutgoingCall>();
  #state: PhoneState = "offline";
  #reason: WicError | undefined;
  #life: Life | undefined;
  /** Counts log-outs, so that one during a start is not forgotten. */
  #lives = 0;
  #starting: Promise<void> | undefined;

  constructor(options: ImsClientOptions) {
    this.#options = options;
    this.#platform = options.platform ?? browserPlatform();
    this.#events = new Emitter((error) => this.#platform.report(error));
  }

  get state(): PhoneState {
    return this.#state;
  }

  /** Why it is in this state, where that is not the plain course of things. */
  get reason(): WicError | undefined {
    return this.#reason;
  }

  /** Calls that have not ended. */
  get calls(): readonly Call[] {
    return [...this.#calls];
  }

  /** Who the user is in IMS; undefined while not registered. */
  get identity(): OwnIdentity | undefined {
    const registered = this.#life?.connection.registered;
    if (registered === undefined) return undefined;
    const { impu, tel, displayName } = registered.session;
    return {
      impu,
      associated: registered.binding.associated,
      ...(tel !== undefined && { tel }),
      ...(displayName !== undefined && { displayName }),
    };
  }

  /** @returns a function that removes the listener */
  on<K extends keyof ImsClientEvents>(name: K, listener: (...values: ImsClientEvents[K]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Connects and registers. Resolves once registered, however long the network takes; may be called again after the end.
   * @throws WicError when the client ends before it was registered
   */
  async start(): Promise<void> {
    this.#starting ??= this.#start().finally(() => (this.#starting = undefined));
    await this.#starting;
  }

  /**
   * Calls a telephone number or a SIP address. The call begins after this returns, so that listeners can be added.
   * @throws WicError `wic/target` when the text is neither
   */
  call(target: string, options: { hideIdentity?: boolean } = {}): Call {
    const life = this.#life;
    if (life === undefined) throw new WicError("wic/not-registered");
    const session = life.tokens.session ?? { homeDomain: "" };
    const call = new OutgoingCall(life.line, dialTarget(target, session), {
      hideIdentity: options.hideIdentity ?? this.#options.hideIdentity ?? false,
    });
    this.#calls.add(call);
    queueMicrotask(() => void call.dial());
    return call;
  }

  /** Ends all calls and the registration. Never rejects; idempotent. The web session is the page's to end. */
  async logOut(): Promise<void> {
    this.#lives += 1;
    for (const call of this.#calls) call.hangUp();
    await this.#life?.connection.logOut();
  }

  async #start(): Promise<void> {
    if (this.#state === "registered") return;
    if (this.#life === undefined) {
      const life = this.#lives;
      const instance = await takeInstance(this.#platform);
      if (life !== this.#lives) {
        instance.release();
        throw new WicError("wic/logged-out");
      }
      this.#life = this.#live(instance);
      this.#life.connection.start();
    }
    await new Promise<void>((resolve, reject) => {
      const settle = (state: PhoneState, reason: WicError | undefined): void => {
        if (state === "registered") resolve();
        else if (state === "ended") reject(reason ?? new WicError("wic/logged-out"));
        else return;
        off();
      };
      const off = this.on("state", settle);
      settle(this.#state, this.#reason);
    });
  }

  /** Everything from one start to its end. */
  #live(instance: Instance): Life {
    const platform = this.#platform;
    const { clock, random } = platform;
    const trusted = this.#options.trustedAuthorizationServers;
    const tokens = new TokenKeeper(this.#options.tokens, clock);
    const address = new LocalAddress(random, instance.urn);
    const agent = new UserAgent({
      clock,
      random,
      timers: accessTimers,
      onRequest: (tx) => this.#onRequest(tx),
      onError: (error) => platform.report(error),
    });
    const connection = new Connection({
      platform,
      tokens,
      agent,
      address,
      trusted,
      onState: (state, reason, retryInMs) => this.#onState(state, reason, retryInMs),
      onEnding: (reason) => {
        for (const call of this.#calls) call.abort(callEnd("network", { error: reason, message: reason.message }));
      },
      onFlowLost: () => {
        for (const call of this.#calls) call.flowLost();
      },
    });
    const line: CallLine = {
      platform,
      agent,
      address,
      trusted,
      registered: () => connection.registered,
      contact() {
        const { session } = tokens;
        return session === undefined ? "" : address.dialogContact(session, connection.publicGruu);
      },
      iceServers: () => tokens.session?.iceServers ?? [],
      lendMicrophone: () => lendMicrophone(platform, this.#options.microphone),
      async renewToken() {
        await tokens.renew();
        connection.refresh();
      },
      restore: () => connection.restore(),
      ended: (call) => this.#calls.delete(call as IncomingCall | OutgoingCall),
    };
    return { tokens, address, agent, connection, instance, line };
  }

  #onState(state: PhoneState, reason: WicError | undefined, retryInMs: number | undefined): void {
    this.#state = state;
    this.#reason = reason;
    const life = this.#life;
    const registered = life?.connection.registered;
    if (registered !== undefined) for (const call of this.#calls) call.flowReplaced(registered);
    if (state === "ended" && life !== undefined) {
      this.#life = undefined;
      life.agent.close();
      life.instance.release();
    }
    this.#events.emit("state", state, reason, retryInMs === undefined ? undefined : Math.ceil(retryInMs / 1000));
  }

  #onRequest(tx: ServerTransaction): void {
    const { request } = tx;
    switch (request.method) {
      case "INVITE":
        return this.#onInvite(tx);
      case "NOTIFY":
        // RFC 6665 §4.1.3: no subscription that matches.
        return tx.reply(481);
      case "OPTIONS":
        return tx.reply(200, { headers: [["Allow", allow]] });
      default:
        return tx.reply(405, { headers: [["Allow", allow]] });
    }
  }

  #onInvite(tx: ServerTransaction): void {
    const { request } = tx;
    const type = (request.get("Content-Type") ?? "").toLowerCase();
    if (this.#life === undefined || this.#life.connection.registered === undefined) return tx.reply(480);
    if (request.body !== "" && !type.startsWith("application/sdp")) {
      return tx.reply(415, { headers: [["Accept", "application/sdp"]] });
    }
    const known = supported.split(", ");
    const unknown = request.list("Require").filter((option) => !known.includes(option.toLowerCase()));
    // RFC 3261 §8.2.2.3
    if (unknown.length > 0) return tx.reply(420, { headers: [["Unsupported", unknown.join(", ")]] });
    const call = new IncomingCall(this.#life.line, tx);
    this.#calls.add(call);
    call.ring();
    this.#events.emit("incoming", call);
  }
}
