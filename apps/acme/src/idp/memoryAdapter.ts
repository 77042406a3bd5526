import type { AdapterPayload } from "oidc-provider";

interface Entry {
  readonly payload: AdapterPayload;
  readonly endsAt: number;
}

/** Entries of one kind kept at most; the oldest go first. */
const capacity = 20_000;

/**
 * Where the identity provider keeps its sessions, interactions and codes: in memory, for the life of this process.
 * A restart signs everybody out of the identity provider, which is what a demo company wants.
 */
export class MemoryAdapter {
  readonly #entries = new Map<string, Entry>();
  readonly #byUid = new Map<string, string>();

  upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    this.#entries.delete(id);
    this.#entries.set(id, { payload, endsAt: performance.now() + expiresIn * 1000 });
    if (payload.uid !== undefined) this.#byUid.set(payload.uid, id);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > capacity && oldest !== undefined) this.#drop(oldest);
    return Promise.resolve();
  }

  find(id: string): Promise<AdapterPayload | undefined> {
    const entry = this.#entries.get(id);
    if (entry !== undefined && entry.endsAt <= performance.now()) this.#drop(id);
    return Promise.resolve(this.#entries.get(id)?.payload);
  }

  findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.find(this.#byUid.get(uid) ?? "");
  }

  /** Device flow only, which is off. */
  findByUserCode(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  consume(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.payload.consumed = Math.floor(Date.now() / 1000);
    return Promise.resolve();
  }

  destroy(id: string): Promise<void> {
    this.#drop(id);
    return Promise.resolve();
  }

  revokeByGrantId(grantId: string): Promise<void> {
    for (const [id, { payload }] of this.#entries) if (payload.grantId === grantId) this.#drop(id);
    return Promise.resolve();
  }

  #drop(id: string): void {
    const uid = this.#entries.get(id)?.payload.uid;
    if (uid !== undefined) this.#byUid.delete(uid);
    this.#entries.delete(id);
  }
}
