import fc from "fast-check";
import { dial } from "./call.ts";
import { KeepingCore } from "./keepingCore.ts";
import { MemoryStore } from "./memoryStore.ts";
import type { Browser, Rig } from "./rig.ts";
import { Timed } from "./timed.ts";
import { until } from "./until.ts";

const identities = ["sip:u0042@acme.ims.test", "sip:u0043@acme.ims.test"];
const tabs = identities.flatMap((impu) => [0, 1].map((n) => ({ impu, n })));

/** What may happen next. */
export type Step =
  | { readonly do: "come" | "refresh" | "log out" | "lose the socket" | "call"; readonly tab: number }
  | {
      readonly do:
        | "revoke"
        | "next holder"
        | "take from block"
        | "end by network"
        | "end by network, told late"
        | "end by operator";
      readonly user: number;
    }
  | { readonly do: "suspend" | "crash" | "stop and start" }
  | { readonly do: "core"; readonly mood: KeepingCore["mood"] }
  | { readonly do: "wait"; readonly seconds: number };

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("come" as const), tab: fc.nat(tabs.length - 1) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("refresh" as const, "log out" as const, "lose the socket" as const, "call" as const),
      tab: fc.nat(tabs.length - 1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "revoke" as const,
        "next holder" as const,
        "take from block" as const,
        "end by network" as const,
        "end by network, told late" as const,
        "end by operator" as const,
      ),
      user: fc.nat(identities.length - 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("suspend" as const, "crash" as const, "stop and start" as const) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("core" as const), mood: fc.constantFrom("well", "well", "silent", "busy") }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.constantFrom(1, 3, 8, 33, 61) }) },
);

/** Users, their tabs, one node after another, and a core; all that the steps act on. */
export class Model {
  readonly #timed = new Timed();
  readonly #rigs: Rig[] = [];
  readonly #pages = new Map<number, Browser>();
  /** Who holds each identity, and the web session she is in. */
  readonly #holders = identities.map((impu) => ({ impu, person: 1, session: `${impu} 1` }));
  #core: KeepingCore | undefined;
  #sessions = 0;
  /** Ids of the registrations that a reader of the nodes' events takes for live; and what those said that cannot be. */
  readonly #told = new Set<string>();
  readonly #misled: string[] = [];
  /** Requests of browsers that wait for an answer. */
  #waiting = 0;
  #baseline = 0;

  async open(): Promise<void> {
    await this.#start(new MemoryStore());
    this.#core = new KeepingCore(this.rig.core, this.#timed.clock);
    this.#baseline = this.#timed.clock.pending;
  }

  get rig(): Rig {
    const rig = this.#rigs.at(-1);
    if (rig === undefined) throw new Error("no node");
    return rig;
  }

  get core(): KeepingCore {
    if (this.#core === undefined) throw new Error("no core");
    return this.#core;
  }

  async #start(store: MemoryStore): Promise<void> {
    const [first] = this.#rigs;
    // Each node has a time of its own, so that a dead one does nothing more; the core's goes on.
    this.#rigs.push(
      await this.#timed.open({
        store,
        sessionGraceSeconds: 10,
        ...(first === undefined ? {} : { core: first.core }),
      }),
    );
    // What a process knew before it died, nobody tells.
    this.#told.clear();
    const { node } = this.rig;
    node.on((event) => {
      if (event.type !== "registration" || this.rig.node !== node) return;
      const { change, registration } = event;
      const { id } = registration;
      const isNew = change === "registered";
      if (this.#told.has(id) === isNew) this.#misled.push(`${id} is told ${change} when ${isNew ? "" : "not "}live`);
      if (isNew) this.#told.add(id);
      if (change === "ended") this.#told.delete(id);
    });
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case "come":
        return await this.#come(step.tab);
      case "refresh":
        return await this.#register(step.tab, 600);
      case "log out":
        return await this.#register(step.tab, 0);
      case "lose the socket":
        return this.#lose(step.tab);
      case "call":
        return this.#call(step.tab);
      case "revoke":
        return this.#revoke(step.user);
      case "next holder":
        return this.#nextHolder(step.user);
      case "take from block":
        return this.#take(step.user);
      case "end by network":
        return this.core.end(identities[step.user] ?? "", step.user === 0);
      case "end by network, told late":
        return this.core.end(identities[step.user] ?? "", step.user === 0, 3);
      case "end by operator":
        return this.#endByOperator(step.user);
      case "suspend":
        return this.#suspend();
      case "crash":
        return await this.#restart(false);
      case "stop and start":
        return await this.#restart(true);
      case "core":
        this.core.mood = step.mood;
        return undefined;
      case "wait":
        return await this.#timed.pass(step.seconds);
    }
  }

  /** What must hold at every moment, and does not. */
  async check(): Promise<string[]> {
    const { node, store } = this.rig;
    // Some of what is under way settles; the rest meets the next step in the middle.
    for (let turn = 0; turn < 20 && this.#waiting > 0; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const live = node.registrations();
    const holders = new Set(live.map(({ impu, sessionId }) => `${impu} ${sessionId.split(" ").at(1)}`));
    const known = new Set([...store.bindings.keys(), ...live.map(({ id }) => id)]);
    const unknown = [...this.core.keys].filter((key) => !known.has(key));
    return [
      ...this.#misled,
      ...(holders.size > new Set(live.map(({ impu }) => impu)).size ? ["an identity has two holders"] : []),
      ...unknown.map((key) => `the core holds ${key}, which the store does not know`),
    ];
  }

  /** Everybody goes. @returns what is left somewhere, and should not be */
  async end(): Promise<string[]> {
    this.core.mood = "well";
    this.rig.suspended.clear();
    for (const tab of this.#pages.keys()) this.#lose(tab);
    // Grace time, three attempts at a core that did not answer, and the long pause after them; all of it anew for a REGISTER
    // that the node was still reading when its socket went.
    const { node, store, media } = this.rig;
    const left = (): number => this.#waiting + store.bindings.size + node.counts.leftovers + node.counts.registrations;
    const late = Date.now() + 15_000;
    for (let n = 0; n < 4 || (left() > 0 && Date.now() < late); n += 1) {
      await this.#timed.pass(40);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await until(() => this.#timed.clock.pending <= this.#baseline);
    const counts = Object.entries({
      ...node.counts,
      media: media.size,
      rows: store.bindings.size,
      bindings: this.core.keys.size,
    });
    const alarms = this.#rigs.flatMap((rig) => rig.alarms).filter((alarm) => !expected.has(alarm));
    return [
      ...counts.filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`),
      ...alarms.map((alarm) => `alarm ${alarm}`),
      ...this.#misled,
      ...[...this.#told].map((id) => `nobody has told the end of ${id}`),
      ...this.#boundLeases(),
    ];
  }

  /** Leases that the WAF must still believe to be in use. */
  #boundLeases(): string[] {
    const facts = this.#rigs.flatMap((rig) => rig.facts);
    const leases = new Set(facts.flatMap(({ state, sessionId }) => (state === "registered" ? [sessionId] : [])));
    return [...leases].filter((lease) => {
      const last = facts.findLast(({ sessionId }) => sessionId === lease);
      if (last?.state === "deregistered" && last.confirmed) return false;
      // What a node had not confirmed by its own end, another session having taken the binding over, nobody will: the WAF has
      // ended the lease itself, and waits for the end of its token.
      const superseded = this.#holders.every(({ session }) => session !== lease);
      return !superseded || (last !== undefined && this.rig.facts.includes(last));
    });
  }

  async close(): Promise<void> {
    for (const rig of this.#rigs.toReversed()) await rig.close();
  }

  async #come(tab: number): Promise<void> {
    if (this.#pages.get(tab)?.socket.readyState !== 1) {
      const { impu = "" } = tabs[tab] ?? {};
      const page = await this.rig.connect();
      page.impu = impu;
      // A tab that answers what rings.
      page.answer = (tx) => tx.reply(tx.request.method === "INVITE" ? 486 : 200);
      this.#pages.set(tab, page);
    }
    await this.#register(tab, 600);
  }

  async #register(tab: number, expires: number): Promise<void> {
    const page = this.#pages.get(tab);
    const { impu = "", n = 0 } = tabs[tab] ?? {};
    const holder = this.#holders.find((each) => each.impu === impu);
    if (page?.socket.readyState !== 1 || holder === undefined) return;
    const seconds = this.#timed.wall % 3000 === 0 ? 50 : 600;
    const token = await this.rig.token({ impu, sid: holder.session, sub: `${impu} ${holder.person}` }, { seconds });
    const contact = `<sip:u@tab${tab}.invalid;transport=ws>;reg-id=1;expires=${expires};+sip.instance="<urn:uuid:${n}>"`;
    // The node may have closed it meanwhile: then nothing can be asked on it.
    if (page.socket.readyState !== 1) return;
    this.#waiting += 1;
    page
      .register(token, { expires, contact })
      .catch(() => undefined)
      .finally(() => (this.#waiting -= 1));
    // The page may lose its socket before it has an answer: the answer is then not waited for.
    page.socket.once("close", () => page.agent.hopClosed(page));
  }

  #lose(tab: number): void {
    this.#pages.get(tab)?.socket.terminate();
    this.#pages.delete(tab);
  }

  #call(tab: number): void {
    const page = this.#pages.get(tab);
    if (page?.socket.readyState === 1) dial(page, { from: `<${page.impu}>` });
  }

  #revoke(user: number): void {
    const holder = this.#holders[user];
    if (holder === undefined) return;
    const { session, impu, person } = holder;
    this.#sessions += 1;
    holder.session = `${impu} ${person} ${this.#sessions}`;
    this.rig.revoke({ sessionId: session, reason: "logout" });
  }

  /** The WAF gives the identity to another user, whose token comes before all of the former holder's has ended. */
  #nextHolder(user: number): void {
    const holder = this.#holders[user];
    if (holder === undefined) return;
    const { session, impu } = holder;
    this.#sessions += 1;
    holder.person += 1;
    holder.session = `${impu} ${holder.person} ${this.#sessions}`;
    this.rig.revoke({ sessionId: session, reason: "disabled" });
  }

  #take(user: number): void {
    const { block } = this.rig;
    const impu = identities[user] ?? "";
    if (!block.delete(impu)) block.add(impu);
    else this.rig.revoke({ impu, reason: "withdrawn" });
  }

  #endByOperator(user: number): void {
    const { node } = this.rig;
    const found = node.registrations().find(({ impu }) => impu === identities[user]);
    if (found !== undefined) void node.endRegistration(found.id, "operator");
  }

  #suspend(): void {
    const { suspended } = this.rig;
    if (suspended.delete("acme")) return;
    suspended.add("acme");
    this.rig.revoke({ tenant: "acme", reason: "suspended" });
  }

  async #restart(clean: boolean): Promise<void> {
    const old = this.rig;
    const store = new MemoryStore();
    if (clean) await this.#stop(old);
    for (const [key, binding] of old.store.bindings) store.bindings.set(key, binding);
    old.crash();
    this.core.cut(old.node.mwPort);
    for (const tab of this.#pages.keys()) this.#lose(tab);
    await this.#start(store);
  }

  async #stop({ node }: Rig): Promise<void> {
    const state = { stopped: false };
    const closing = node.close().finally(() => (state.stopped = true));
    while (!state.stopped) await this.#timed.pass(1);
    await closing;
  }
}

/** Alarms that a core out of order raises. */
const expected = new Set(["core.unreachable", "register.binding-left"]);
