import { Dialog, createResponse, parseNameAddr, parseUri } from "@portico/sip";
import type { Clock, ServerTransaction, SipRequest, TransactionLayer } from "@portico/sip";
import { systemRandom } from "@portico/transport";
import type { Element } from "./element.ts";
import type { BindingChange, ContactEvent, Registrar, Registration } from "./registrar.ts";
import { reginfo } from "./reginfo.ts";
import { nextHop } from "./routing.ts";

/** What the notifier stands on. */
export interface RegEventOptions {
  readonly element: Element;
  readonly layer: TransactionLayer;
  readonly registrar: Registrar;
  readonly clock: Clock;
}

interface Subscription {
  readonly dialog: Dialog;
  readonly registrationId: string;
  version: number;
  expiresAt: number;
  stopTimer: () => void;
}

const longestSubscription = 600_000;

/** The S-CSCF as notifier of the reg event package: RFC 3680, TS 24.229 §5.4.2.1. */
export class RegEventNotifier {
  readonly #o: RegEventOptions;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #events = new Map<string, ContactEvent>();
  readonly #stopListening: () => void;

  constructor(options: RegEventOptions) {
    this.#o = options;
    this.#stopListening = options.registrar.onChange((registration, changes) => this.#changed(registration, changes));
  }

  close(): void {
    this.#stopListening();
    for (const { stopTimer } of this.#subscriptions.values()) stopTimer();
    this.#subscriptions.clear();
  }

  /** Answers an initial SUBSCRIBE; the first NOTIFY follows at once (RFC 6665 §4.2.1.2). */
  subscribe(tx: ServerTransaction): void {
    const { request } = tx;
    const registration = this.#o.registrar.find(request.uri);
    if (registration === undefined) {
      tx.reply(404);
      return;
    }
    if (!this.#mayWatch(request, registration)) {
      tx.reply(403, { reason: "Forbidden - Not Allowed To Watch" });
      return;
    }
    const expires = expiresOf(request);
    const response = createResponse(request, 200, {
      toTag: tx.localTag,
      headers: [
        ["Contact", this.#o.element.route().replace(";lr", "")],
        ["Expires", String(expires)],
      ],
    });
    tx.respond(response);
    const dialog = Dialog.uas(request, response);
    const subscription: Subscription = {
      dialog,
      registrationId: registration.id,
      version: 0,
      expiresAt: 0,
      stopTimer: () => undefined,
    };
    this.#subscriptions.set(dialog.id, subscription);
    this.#extend(subscription, registration, expires);
  }

  /** Answers a SUBSCRIBE inside one of our dialogs. @returns false when it is none */
  refresh(tx: ServerTransaction): boolean {
    const { request } = tx;
    if (request.method !== "SUBSCRIBE") return false;
    const key = `${request.callId} ${request.toTag ?? ""} ${request.fromTag ?? ""}`;
    const subscription = this.#subscriptions.get(key);
    if (subscription === undefined) return false;
    if (subscription.dialog.accepts(request) === "old") {
      tx.reply(500);
      return true;
    }
    subscription.dialog.updateTarget(request);
    const expires = expiresOf(request);
    tx.reply(200, {
      headers: [
        ["Contact", this.#o.element.route().replace(";lr", "")],
        ["Expires", String(expires)],
      ],
    });
    const registration = this.#o.registrar.registrations.find(({ id }) => id === subscription.registrationId);
    if (registration !== undefined) this.#extend(subscription, registration, expires);
    return true;
  }

  /** TS 24.229 §5.4.2.1.1: the user herself, or the P-CSCF through which she is registered (its address stands in Path). */
  #mayWatch(request: SipRequest, registration: Registration): boolean {
    const paths = registration.bindings.flatMap(({ path }) => path.map((value) => parseUri(parseNameAddr(value).uri)));
    return request.list("P-Asserted-Identity").some((value) => {
      const { uri } = parseNameAddr(value);
      if (this.#o.registrar.find(uri) === registration) return true;
      const { host, port } = parseUri(uri);
      return paths.some((path) => path.host === host && (port === undefined || port === path.port));
    });
  }

  #extend(subscription: Subscription, registration: Registration, expires: number): void {
    const { clock } = this.#o;
    subscription.stopTimer();
    subscription.expiresAt = clock.now() + expires * 1000;
    if (expires === 0) {
      this.#notify(subscription, registration, [], "terminated;reason=timeout");
      return;
    }
    this.#notify(subscription, registration, []);
    subscription.stopTimer = clock.setTimer(expires * 1000, () =>
      this.#notify(subscription, registration, [], "terminated;reason=timeout"),
    );
  }

  #changed(registration: Registration, changes: readonly BindingChange[]): void {
    const live = new Set(registration.bindings.map(({ id }) => id));
    for (const { binding, event } of changes) {
      if (live.has(binding.id)) this.#events.set(binding.id, event);
      else this.#events.delete(binding.id);
    }
    const ended = changes.filter(({ binding }) => !live.has(binding.id));
    // TS 24.229 §5.4.2.1.2: nothing is left to watch
    const state = registration.bindings.length === 0 ? "terminated;reason=noresource" : undefined;
    const watchers = [...this.#subscriptions.values()].filter((s) => s.registrationId === registration.id);
    // After the response to the REGISTER that made the change
    queueMicrotask(() => {
      for (const subscription of watchers) this.#notify(subscription, registration, ended, state);
    });
  }

  #notify(subscription: Subscription, registration: Registration, ended: readonly BindingChange[], end?: string): void {
    const { dialog } = subscription;
    const left = Math.max(0, Math.round((subscription.expiresAt - this.#o.clock.now()) / 1000));
    if (end !== undefined) this.#drop(subscription);
    const body = reginfo(registration, this.#contacts(registration, ended), subscription.version, this.#o.clock.now());
    subscription.version += 1;
    const request = dialog.createRequest(
      "NOTIFY",
      [
        ["Subscription-State", end ?? `active;expires=${left}`],
        ["Event", "reg"],
        ["P-Charging-Vector", `icid-value="lab-${systemRandom.token(16)}"`],
      ],
      { type: "application/reginfo+xml", text: body },
    );
    this.#o.layer.request(request, nextHop(this.#o.element, request), {
      // RFC 6665 §4.2.2: a watcher that knows nothing of it, or is gone, is watched for no longer
      response: ({ status }) => status >= 300 && this.#drop(subscription),
      failed: () => this.#drop(subscription),
    });
  }

  #contacts(registration: Registration, ended: readonly BindingChange[]): BindingChange[] {
    const live = registration.bindings.map((binding): BindingChange => {
      return { binding, event: this.#events.get(binding.id) ?? "registered" };
    });
    return [...live, ...ended];
  }

  #drop(subscription: Subscription): void {
    subscription.stopTimer();
    this.#subscriptions.delete(subscription.dialog.id);
  }
}

function expiresOf(request: SipRequest): number {
  const seconds = Number.parseInt(request.get("Expires") ?? "3600", 10);
  return Number.isNaN(seconds) ? 3600 : Math.min(Math.max(0, seconds), longestSubscription);
}
