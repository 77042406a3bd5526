import { parseNameAddr, type SipMessage } from "@portico/sip";
import type { Registration } from "./registration/registration.ts";

/** Proxied dialogs remembered for one registration; the oldest goes first. */
const most = 32;

/** Where requests of a browser inside one proxied dialog go. */
export interface Way {
  /** Route values beyond this node, nearest first. */
  readonly routes: readonly string[];
  /** Remote target. */
  readonly target: string;
}

/**
 * The dialogs (SUBSCRIBE, REFER) that browsers have through this node as a proxy. Their requests go where the dialog was
 * recorded to go, whatever Route and Request-URI the browser writes: W2 must not choose next hops in the core (SEC-02).
 */
export class ProxiedDialogs {
  readonly #ways = new WeakMap<Registration, Map<string, Way>>();

  find(registration: Registration, callId: string, remoteTag: string): Way | undefined {
    return this.#ways.get(registration)?.get(key(callId, remoteTag));
  }

  /** Remembers the dialog a message of the core makes. @param routes the recorded route, nearest first, without this node. */
  note(
    registration: Registration,
    message: SipMessage,
    remoteTag: string | undefined,
    routes: readonly string[],
  ): void {
    const [contact] = message.list("Contact");
    if (contact === undefined || remoteTag === undefined) return;
    const ways = this.#ways.get(registration) ?? new Map<string, Way>();
    this.#ways.set(registration, ways);
    ways.delete(key(message.callId, remoteTag));
    ways.set(key(message.callId, remoteTag), { routes, target: parseNameAddr(contact).uri });
    if (ways.size > most) ways.delete(ways.keys().next().value ?? "");
  }

  forget(registration: Registration, callId: string, remoteTag: string): void {
    this.#ways.get(registration)?.delete(key(callId, remoteTag));
  }
}

const key = (callId: string, remoteTag: string): string => `${callId} ${remoteTag}`;
