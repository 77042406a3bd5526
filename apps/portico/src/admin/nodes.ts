import type { Log } from "@portico/epcscf";
import type { Store, StoredNode } from "@portico/store";

/** How often a node says that it lives, and after how long it is taken for one that has gone; milliseconds. */
const sayEvery = 5000;
export const goneAfter = 30_000;
/** How long another node may take to answer, milliseconds. */
const patience = 2000;

/** What a node answered: its status and its JSON. */
export interface NodeAnswer {
  readonly status: number;
  readonly body: unknown;
}

interface NodesOptions {
  readonly store: Pick<Store, "nodes">;
  /** This one. */
  readonly self: Omit<StoredNode, "seenAt">;
  readonly log: Log;
  readonly now: () => number;
  /** Headers that let another node go on with the trace of the request at hand. */
  readonly traced: () => Record<string, string>;
}

/**
 * The nodes on one database, and what each of them says by its own Admin API. It is asked with the credentials of who
 * asks here, so that no node can do more than its caller; where it is reached stands in the database, where the keys of
 * the callers stand too.
 */
export class Nodes {
  readonly #store: Pick<Store, "nodes">;
  readonly #self: Omit<StoredNode, "seenAt">;
  readonly #now: () => number;
  readonly #traced: NodesOptions["traced"];
  readonly #timer: NodeJS.Timeout;

  private constructor(o: NodesOptions) {
    this.#store = o.store;
    this.#self = o.self;
    this.#now = o.now;
    this.#traced = o.traced;
    this.#timer = setInterval(() => {
      this.#say().catch(() => o.log.warn("node.not-noted"));
    }, sayEvery);
    this.#timer.unref();
  }

  static async open(o: NodesOptions): Promise<Nodes> {
    const nodes = new Nodes(o);
    await nodes.#say();
    return nodes;
  }

  /** Name of this one. */
  get self(): string {
    return this.#self.name;
  }

  /** All that live, by name. */
  async all(): Promise<StoredNode[]> {
    return await this.#store.nodes.since(this.#now() - goneAfter);
  }

  async others(): Promise<StoredNode[]> {
    return (await this.all()).filter(({ name }) => name !== this.#self.name);
  }

  /**
   * Asks another node.
   * @param path below /admin/v1, with its query
   * @param authorization the caller's own
   * @returns undefined when it does not answer
   */
  async ask(
    { adminUrl }: StoredNode,
    method: "GET" | "DELETE",
    path: string,
    authorization: string | undefined,
  ): Promise<NodeAnswer | undefined> {
    if (adminUrl === undefined) return undefined;
    try {
      const response = await fetch(`${adminUrl}/admin/v1${path}`, {
        method,
        headers: { ...this.#traced(), ...(authorization === undefined ? {} : { authorization }) },
        redirect: "error",
        signal: AbortSignal.timeout(patience),
      });
      const text = await response.text();
      return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
    } catch {
      return undefined;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    // Whoever asks is not to wait for a node that has gone.
    await this.#store.nodes.remove(this.#self.name).catch(() => undefined);
  }

  async #say(): Promise<void> {
    await this.#store.nodes.seen({ ...this.#self, seenAt: this.#now() });
  }
}
