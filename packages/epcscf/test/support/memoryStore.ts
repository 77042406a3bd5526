import type { Binding, BindingChanges, RegistrationStore } from "../../src/index.ts";

/** A registration store that outlives the node it serves, as a database outlives a process. */
export class MemoryStore implements RegistrationStore {
  readonly bindings = new Map<string, Binding>();
  /** Transactions so far. */
  writes = 0;
  /** What each write takes, and may fail of. */
  writing: () => Promise<void> = () => Promise.resolve();

  async all(): Promise<Binding[]> {
    return [...this.bindings.values()];
  }

  /** What nodes that are gone have left of blocks. */
  orphans: Binding[] = [];

  async inherit(): Promise<Binding[]> {
    const orphans = this.orphans.splice(0);
    for (const binding of orphans) this.bindings.set(binding.key, binding);
    return orphans;
  }

  async write(_node: string, { saved, removed }: BindingChanges): Promise<void> {
    await this.writing();
    this.writes += 1;
    for (const binding of saved) this.bindings.set(binding.key, binding);
    for (const key of removed) this.bindings.delete(key);
  }
}
