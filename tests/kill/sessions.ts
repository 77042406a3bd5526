import type { WebPhone } from "../core/webPhone.ts";
import type { PortalNode } from "../nodes/node.ts";
import type { Grant, ThirdParty } from "../nodes/thirdParty.ts";

/** A web session as its third party knows it. */
interface Session {
  readonly site: ThirdParty;
  readonly user: string;
  /** The last that was acknowledged. */
  grant: Grant;
  /** `doubtful`: its end was asked for, and nobody knows whether it came. */
  state: "live" | "doubtful" | "ended";
  /** Something is asked about it now. */
  busy: boolean;
  /** Nothing was asked about it since the last check. */
  settled: boolean;
  /** The access token that a browser has registered with: one token is one tab's (SEC-01). */
  registered?: string;
  /** When a refresh was asked for whose answer is missing, on the monotonic clock. */
  unanswered?: number;
}

/** So long the portal takes a used refresh token for one whose answer was lost; less than it, for what a test adds. */
const graceMs = 25_000;

/** Answers that come while a process dies say nothing about what was written. */
const saysNothing = (status: number): boolean => status >= 500;
const chance = <T>(of: readonly T[]): T | undefined => of[Math.floor(Math.random() * of.length)];

/** Users who sign in, refresh, register and leave, and what they were told. */
export class Sessions {
  readonly #sites: readonly ThirdParty[];
  readonly #all = new Set<Session>();
  readonly #phones = new Set<WebPhone>();
  /** Identities by user of a sticky block, as first told. */
  readonly #held = new Map<string, string>();
  /** What contradicts what was acknowledged. */
  readonly faults: string[] = [];
  /** Things that were acknowledged. */
  acknowledged = 0;

  /** @param sites the first one has sticky identities, which are registered too */
  constructor(sites: readonly ThirdParty[]) {
    this.#sites = sites;
  }

  /** One thing that a user does. */
  async act(node: PortalNode): Promise<void> {
    const free = [...this.#all].filter(({ busy, state }) => !busy && state === "live");
    const session = free.length < 3 ? undefined : chance(free);
    if (session === undefined) return await this.#signIn(node);
    session.busy = true;
    session.settled = false;
    try {
      const dice = Math.random();
      if (dice < 0.4) await this.#refresh(node, session);
      else if (dice < 0.65) await this.#revoke(node, session);
      else if (dice < 0.85 && mayRegister(session) && session.site === this.#sites[0])
        await this.#register(node, session);
      else await this.#signIn(node);
    } finally {
      session.busy = false;
    }
  }

  /** Whatever was acknowledged is there, and nothing that was ended. The portal is at rest meanwhile. */
  async check(node: PortalNode): Promise<void> {
    for (const session of this.#all) {
      if (session.settled) continue;
      const { site, grant, state, user } = session;
      const introspected = await site.introspect(node.url, grant.access_token);
      if (state === "live" && !introspected) this.faults.push(`${user}: an acknowledged web session is gone`);
      if (state === "ended" && introspected) this.faults.push(`${user}: a web session lives again after its end`);
      session.settled = true;
      if (state === "ended" || !introspected) this.#all.delete(session);
      else {
        session.state = "live";
        // Its answer may have been lost: the token before is good once more.
        await this.#refresh(node, session);
      }
    }
  }

  /** All browsers are gone. */
  drop(): void {
    for (const phone of this.#phones) phone.drop();
    this.#phones.clear();
  }

  async #signIn(node: PortalNode): Promise<void> {
    const site = chance(this.#sites);
    if (site === undefined) return;
    const sticky = site === this.#sites[0];
    const user = `user${Math.floor(Math.random() * (sticky ? 12 : 1000))}`;
    const response = await site.signIn(node.url, user);
    if (saysNothing(response.status)) return;
    if (!response.ok) return void this.faults.push(`${user}: no sign-in, ${response.status} ${await response.text()}`);
    const grant = (await response.json()) as Grant;
    this.acknowledged += 1;
    const { impu } = grant.ims;
    if (sticky && (this.#held.get(user) ?? impu) !== impu) this.faults.push(`${user}: another identity than before`);
    if (sticky) this.#held.set(user, impu);
    this.#all.add({ site, user, grant, state: "live", busy: false, settled: false });
  }

  async #refresh(node: PortalNode, session: Session): Promise<void> {
    const { site, grant, user, unanswered } = session;
    session.unanswered ??= performance.now();
    const response = await site.refresh(node.url, grant.refresh_token);
    if (saysNothing(response.status)) return;
    delete session.unanswered;
    // Too late to be a lost answer: whoever shows the old token now is taken for a thief, and the session ends.
    const late = unanswered !== undefined && performance.now() - unanswered > graceMs;
    if (late && response.status === 400) return void this.#all.delete(session);
    if (!response.ok) return void this.faults.push(`${user}: no refresh, ${response.status} ${await response.text()}`);
    session.grant = (await response.json()) as Grant;
    this.acknowledged += 1;
  }

  async #revoke(node: PortalNode, session: Session): Promise<void> {
    session.state = "doubtful";
    const response = await session.site.revoke(node.url, session.grant.refresh_token);
    if (saysNothing(response.status)) return;
    if (!response.ok) return void this.faults.push(`${session.user}: no revocation, ${response.status}`);
    session.state = "ended";
    this.acknowledged += 1;
  }

  async #register(node: PortalNode, session: Session): Promise<void> {
    const { site, grant, user } = session;
    session.registered = grant.access_token;
    const phone = await node.phone(site, grant);
    this.#phones.add(phone);
    const response = await phone.register();
    const { status } = response;
    // 408, 503: the core or the connection is gone.
    if (status === 200) this.acknowledged += 1;
    else if (status < 500 && status !== 408) {
      this.faults.push(`${user}: no registration, ${status} ${response.all("WWW-Authenticate").join("; ")}`);
    }
  }
}

const mayRegister = ({ registered, grant }: Session): boolean => registered !== grant.access_token;
