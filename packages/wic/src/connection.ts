import type { SipMessage, UserAgent } from "@portico/sip";
import type { LocalAddress } from "./address.ts";
import { Backoff, chance } from "./backoff.ts";
import { refreshAfterMs } from "./binding.ts";
import type { Binding } from "./binding.ts";
import { WicError } from "./errors.ts";
import type { WicErrorCode } from "./errors.ts";
import { Flow } from "./flow.ts";
import type { ImsSession } from "./imsSession.ts";
import type { Hint, Platform } from "./platform.ts";
import { RegEventSubscription } from "./regEvent.ts";
import type { RegistrationLoss } from "./regEvent.ts";
import { Registrar } from "./registrar.ts";
import { isSame } from "./sameIdentity.ts";
import type { TokenKeeper } from "./tokenKeeper.ts";

/** Where the client stands with the telephone service. Only `registered` can make and take calls. */
export type PhoneState = "offline" | "connecting" | "registered" | "reconnecting" | "ended";

export interface ConnectionOptions {
  readonly platform: Platform;
  readonly tokens: TokenKeeper;
  readonly agent: UserAgent;
  readonly address: LocalAddress;
  readonly trusted: readonly string[] | undefined;
  /** @param retryInMs until the next attempt, while one is waited for */
  onState(state: PhoneState, reason: WicError | undefined, retryInMs?: number): void;
  /** The client ends while its flow may still be there: the calls are to say goodbye. */
  onEnding(reason: WicError): void;
  /** The flow of the calls is gone. */
  onFlowLost(): void;
}

/** What calls need of a live registration. */
export interface Registered {
  readonly flow: Flow;
  readonly binding: Binding;
  readonly session: ImsSession;
  /** Route values to pre-load on out-of-dialog requests (RFC 3608 §5). */
  readonly routes: readonly string[];
}

/** A refresh that failed of these is tried again on the same flow, as long as the registration holds. */
const passingCodes: ReadonlySet<WicErrorCode> = new Set([
  "wic/token-unavailable",
  "wic/registration-failed",
  "wic/network-silent",
  "wic/network-busy",
  "wic/network-setup",
]);

/** A registration that lasted this long shows that the trouble is over. */
const stableMs = 30_000;

/**
 * The one authority over token, socket and registration. "Connected" means registered: a socket alone is nothing to the
 * user.
 *
 *              start              200
 *   offline --------> connecting ------> registered --refresh--.
 *                      |  ^ back-off      |      ^ <-----------'
 *                      '--'               | loss | 200
 *                                         v      |
 *                                        reconnecting <-. back-off
 *                                         |     '-------'
 *   any --- log-out, refusal -------------+--> ended
 *
 * Each attempt is a generation: whatever an older one still reports is not heard.
 */
export class Connection {
  readonly #o: ConnectionOptions;
  readonly #registrar: Registrar;
  readonly #backoff: Backoff;
  readonly #unhint: () => void;
  #state: PhoneState = "offline";
  #generation = 0;
  #attempts = 0;
  #wantsFreshToken = false;
  #wasRegistered = false;
  #flow: Flow | undefined;
  #binding: Binding | undefined;
  /** Identities of the grant that the network has ended since. */
  readonly #withdrawn = new Set<string>();
  #publicGruu: string | undefined;
  #expiresAt = 0;
  #subscription: RegEventSubscription | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelStable: (() => void) | undefined;
  #waiting = false;
  /** What the last attempt failed of. */
  #trouble: WicError | undefined;
  /** The generation whose refresh is on its way. */
  #refreshing: number | undefined;
  #refreshAgain = false;
  #leaving: Promise<void> | undefined;
  /** Before that the network does not want to see us (Retry-After). */
  #notBefore = 0;

  constructor(options: ConnectionOptions) {
    this.#o = options;
    this.#registrar = new Registrar(options);
    this.#backoff = new Backoff(options.platform.random);
    this.#unhint = options.platform.onHint((hint) => this.#onHint(hint));
  }

  get state(): PhoneState {
    return this.#state;
  }

  /** What calls need, while registered. */
  get registered(): Registered | undefined {
    const { session } = this.#o.tokens;
    const flow = this.#flow;
    const binding = this.#binding;
    if (this.#state !== "registered" || flow === undefined || binding === undefined || session === undefined) {
      return undefined;
    }
    const associated = binding.associated.filter((uri) => !this.#withdrawn.has(uri));
    return { flow, binding: { ...binding, associated }, session, routes: [flow.route, ...binding.serviceRoute] };
  }

  /** The GRUU of the present or the last registration. */
  get publicGruu(): string | undefined {
    return this.#publicGruu;
  }

  start(): void {
    if (this.#state !== "offline") return;
    this.#enter("connecting", undefined);
    void this.#attempt();
  }

  /** Ends the registration at the network and the connection. Never rejects. */
  async logOut(): Promise<void> {
    if (this.#state === "ended") return;
    this.#leaving ??= this.#leave();
    await this.#leaving;
  }

  /** Shows the network a fresh token now, by a new REGISTER on the same flow (WIC-09). */
  refresh(): void {
    if (this.#state === "registered") void this.#refresh(false);
  }

  /**
   * The network has lost who serves the user: an initial registration on the same flow finds another S-CSCF (TS 24.229
   * §5.1.2A.1.6). Resolves when that has been tried.
   */
  async restore(): Promise<void> {
    if (this.#state === "registered") await this.#refresh(true);
  }

  async #leave(): Promise<void> {
    const flow = this.#state === "registered" ? this.#flow : undefined;
    this.#generation += 1;
    this.#stopTimers();
    this.#subscription?.close();
    if (flow !== undefined) await this.#registrar.deregister(flow).catch(() => undefined);
    this.#end(new WicError("wic/logged-out"));
  }

  async #attempt(): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    const waited = this.#waiting;
    this.#waiting = false;
    this.#cancelTimer?.();
    if (waited) this.#enter(this.#state, this.#trouble);
    try {
      const session = this.#wantsFreshToken ? await this.#o.tokens.renew() : await this.#o.tokens.fresh();
      if (generation !== this.#generation) return;
      this.#wantsFreshToken = false;
      const flow = await this.#open(session);
      if (generation !== this.#generation) return;
      const binding = await this.#registrar.register(flow);
      if (generation === this.#generation) this.#onRegistered(flow, binding, true);
    } catch (error) {
      if (generation === this.#generation) this.#fail(asWicError(error));
    }
  }

  async #open(session: ImsSession): Promise<Flow> {
    const { platform, tokens, address, agent } = this.#o;
    const url = session.wss[this.#attempts % Math.max(1, session.wss.length)] ?? "";
    this.#attempts += 1;
    return await new Promise<Flow>((resolve) => {
      const flow = new Flow({
        platform,
        url,
        sentBy: address.host,
        token: () => tokens.session?.accessToken,
        onOpen: () => resolve(flow),
        onMessage: (message: SipMessage) => {
          if (flow === this.#flow) agent.receive(message, flow);
        },
        onLost: (error, code) => {
          if (flow === this.#flow) this.#fail(error, code);
        },
      });
      this.#flow = flow;
    });
  }

  #onRegistered(flow: Flow, binding: Binding, anew: boolean): void {
    const { agent, platform, address, tokens } = this.#o;
    const { session } = tokens;
    if (session === undefined || flow.isOver) return;
    this.#binding = binding;
    this.#withdrawn.clear();
    this.#publicGruu = binding.publicGruu;
    this.#wasRegistered = true;
    const { clock } = platform;
    this.#expiresAt = clock.now() + binding.expires * 1000;
    if (binding.flowTimer !== undefined && !flow.answersKeepAlive) flow.keepAlive(binding.flowTimer);
    this.#cancelTimer?.();
    const wait = Math.min(refreshAfterMs(binding.expires), refreshAfterMs(tokens.remainingMs / 1000));
    this.#cancelTimer = clock.setTimer(wait, () => void this.#refresh(false));
    this.#enter("registered", undefined);
    if (!anew) return;
    this.#cancelStable?.();
    this.#cancelStable = clock.setTimer(stableMs, () => {
      this.#cancelStable = undefined;
      this.#backoff.reset();
    });
    this.#subscription?.close();
    const routes = [flow.route, ...binding.serviceRoute];
    this.#subscription = new RegEventSubscription({
      platform,
      agent,
      flow,
      address,
      session,
      binding,
      routes,
      onLoss: (loss) => this.#onLoss(loss),
      onIdentity: (uri, registered) => this.#onIdentity(uri, registered),
    });
    this.#subscription.start();
  }

  async #refresh(anew: boolean): Promise<void> {
    const flow = this.#flow;
    const generation = this.#generation;
    if (flow === undefined || this.#leaving !== undefined) return;
    if (this.#refreshing === generation) {
      this.#refreshAgain ||= anew;
      return;
    }
    this.#refreshing = generation;
    this.#cancelTimer?.();
    try {
      await this.#o.tokens.fresh();
      if (generation !== this.#generation) return;
      const binding = await this.#registrar.register(flow);
      if (generation === this.#generation) this.#onRegistered(flow, binding, anew || this.#takeAgain());
    } catch (error) {
      if (generation === this.#generation) this.#refreshFailed(asWicError(error), anew || this.#takeAgain());
    } finally {
      if (this.#refreshing === generation) this.#refreshing = undefined;
    }
  }

  /** True when the registration had to be made anew while a refresh was on its way, which then does that as well. */
  #takeAgain(): boolean {
    const again = this.#refreshAgain;
    this.#refreshAgain = false;
    return again;
  }

  /** What has been granted still holds: try again until it ends. */
  #refreshFailed(error: WicError, anew: boolean): void {
    const { clock } = this.#o.platform;
    const wait = this.#backoff.next((error.retryAfter ?? 0) * 1000);
    const passing = passingCodes.has(error.code);
    if (anew || !passing || clock.now() + wait >= this.#expiresAt) return this.#fail(error);
    this.#cancelTimer?.();
    this.#cancelTimer = clock.setTimer(wait, () => void this.#refresh(anew));
  }

  /** The attempt, or the flow of the registration, is lost. */
  #fail(error: WicError, code?: number): void {
    if (this.#state === "ended") return;
    if (error.fatal) return this.#end(error);
    this.#drop();
    if (this.#leaving !== undefined) return;
    const { platform } = this.#o;
    const { clock, random } = platform;
    // 4xxx: the portal ended it (token, site, network). A fresh token tells whether the user may still come.
    if (code !== undefined && code >= 4000) this.#wantsFreshToken = true;
    // 1001, 1012, 1013: the portal goes down or is full; its users shall not come back as one wave (RFC 6455 §7.2.3).
    const spread = code === 1001 || code === 1012 || code === 1013 ? 5000 * chance(random) : 0;
    const asked = (error.retryAfter ?? 0) * 1000;
    this.#notBefore = clock.now() + asked;
    const wait = this.#backoff.next(asked + spread);
    this.#waiting = true;
    this.#cancelTimer = clock.setTimer(wait, () => void this.#attempt());
    this.#trouble = platform.isOnline() ? error : new WicError("wic/browser-offline", { cause: error });
    this.#enter(this.#wasRegistered ? "reconnecting" : "connecting", this.#trouble, wait);
  }

  #onIdentity(uri: string, registered: boolean): void {
    const known = this.#binding?.associated.find((each) => isSame(each, uri));
    if (known === undefined) return;
    if (registered) this.#withdrawn.delete(known);
    else this.#withdrawn.add(known);
  }

  #onLoss(loss: RegistrationLoss): void {
    if (this.#state === "ended") return;
    this.#subscription?.close();
    if (loss.event === "rejected") return this.#end(new WicError("wic/registration-ended"));
    // Register anew on the same flow; at once, unless the last registration has hardly begun.
    const soon = this.#cancelStable === undefined ? 0 : this.#backoff.next();
    const wait = loss.event === "probation" ? (loss.retryAfter ?? 10) * 1000 : soon;
    this.#enter("reconnecting", new WicError("wic/registration-expired"), wait);
    this.#cancelTimer?.();
    this.#cancelTimer = this.#o.platform.clock.setTimer(wait, () => void this.#refresh(true));
  }

  #onHint(hint: Hint): void {
    if (this.#leaving !== undefined) return;
    const wanted = this.#o.platform.clock.now() >= this.#notBefore;
    if (this.#waiting && wanted && hint !== "offline") return void this.#attempt();
    if (this.#state !== "registered" || this.#flow === undefined) return;
    if (this.#flow.answersKeepAlive) this.#flow.probe();
    else void this.#refresh(false);
  }

  #end(reason: WicError): void {
    this.#o.onEnding(reason);
    this.#drop();
    this.#unhint();
    this.#o.tokens.clear();
    this.#enter("ended", reason);
  }

  #drop(): void {
    this.#generation += 1;
    this.#stopTimers();
    this.#subscription?.close();
    this.#subscription = undefined;
    this.#binding = undefined;
    const flow = this.#flow;
    this.#flow = undefined;
    flow?.close();
    if (flow === undefined) return;
    this.#o.onFlowLost();
    // No answer can come any more to what was asked over it, the de-registration included.
    this.#o.agent.hopClosed(flow);
  }

  #stopTimers(): void {
    this.#waiting = false;
    this.#cancelTimer?.();
    this.#cancelStable?.();
    this.#cancelStable = undefined;
  }

  #enter(state: PhoneState, reason: WicError | undefined, retryInMs?: number): void {
    if (state === this.#state && (state === "registered" || state === "ended")) return;
    this.#state = state;
    this.#o.onState(state, reason, retryInMs);
  }
}

function asWicError(error: unknown): WicError {
  return error instanceof WicError ? error : new WicError("wic/registration-failed", { cause: error });
}
