import type { PortalNode } from "../nodes/node.ts";

/** A tenant's document, as far as it is looked at here. */
export interface TenantDraft {
  readonly id: string;
  readonly name: string;
  readonly [more: string]: unknown;
}

/** What a tenant may be now: `absent`, or its name and standing. */
type Possible = ReadonlySet<string>;

const saysNothing = (status: number): boolean => status >= 500;
const absent = "absent";

/** An operator who makes, changes, suspends and removes tenants, and what she was told. */
export class Administration {
  readonly #key: string;
  readonly #document: (id: string, name: string) => TenantDraft;
  readonly #tenants = new Map<string, Possible>();
  #checkpoints: readonly unknown[] = [];
  #count = 0;
  readonly faults: string[] = [];
  acknowledged = 0;

  constructor(key: string, document: (id: string, name: string) => TenantDraft) {
    this.#key = key;
    this.#document = document;
  }

  /** One change; one at a time. */
  async act(node: PortalNode): Promise<void> {
    this.#count += 1;
    const known = [...this.#tenants].filter(([, possible]) => possible.size === 1 && !possible.has(absent));
    const [id, [now = ""] = []] = known[Math.floor(Math.random() * (known.length + 2))] ?? [`tenant-${this.#count}`];
    const [name = "", standing] = now.split("/");
    const path = `/tenants/${id}`;
    const dice = Math.random();
    if (standing === undefined) {
      await this.#change(node, id, `one/active`, "POST", "/tenants", this.#document(id, "one"));
    } else if (dice < 0.4) {
      const next = `name-${this.#count}`;
      await this.#change(node, id, `${next}/${standing}`, "PUT", path, this.#document(id, next));
    } else if (dice < 0.8) {
      const verb = standing === "active" ? "suspend" : "resume";
      const next = standing === "active" ? "suspended" : "active";
      await this.#change(node, id, `${name}/${next}`, "POST", `${path}/${verb}`, {});
    } else await this.#change(node, id, absent, "DELETE", path);
    if (this.#count % 10 === 0) await this.#keepCheckpoints(node);
  }

  /** What was acknowledged is so, and the audit is whole. */
  async check(node: PortalNode): Promise<void> {
    for (const [id, possible] of this.#tenants) {
      const response = await node.admin(this.#key, "GET", `/tenants/${id}`);
      const seen =
        response.status === 404 ? absent : ((await response.json()) as { document: TenantDraft; standing: string });
      const found = typeof seen === "string" ? seen : `${seen.document.name}/${seen.standing}`;
      if (!possible.has(found)) this.faults.push(`tenant ${id} is ${found}, not ${[...possible].join(" or ")}`);
      if (found === absent) this.#tenants.delete(id);
      else this.#tenants.set(id, new Set([found]));
    }
    const body = { checkpoints: this.#checkpoints };
    const verdict = await node.ask<{ valid: boolean; faults: unknown }>(this.#key, "POST", "/audit/verify", body);
    if (!verdict.valid) this.faults.push(`the audit: ${JSON.stringify(verdict.faults)}`);
  }

  async #keepCheckpoints(node: PortalNode): Promise<void> {
    const response = await node.admin(this.#key, "GET", "/audit/checkpoints");
    if (response.ok) this.#checkpoints = ((await response.json()) as { items: unknown[] }).items;
  }

  async #change(
    node: PortalNode,
    id: string,
    next: string,
    method: "POST" | "PUT" | "DELETE",
    path: string,
    body?: unknown,
  ): Promise<void> {
    const before = [...(this.#tenants.get(id) ?? [absent])];
    this.#tenants.set(id, new Set([...before, next]));
    const response = await node.admin(this.#key, method, path, body);
    const text = await response.text();
    if (saysNothing(response.status)) return;
    if (!response.ok) return void this.faults.push(`${method} ${path}: ${response.status} ${text}`);
    this.#tenants.set(id, new Set([next]));
    this.acknowledged += 1;
  }
}
