import type { Session } from "./session.ts";

/** Counts calls of users and of tenants. The branches of a forked call have one ICID and count once. */
export class CallTally {
  /** By IMPU or tenant: branches by ICID. */
  readonly #calls = new Map<string, Map<string, number>>();

  add(session: Session): void {
    this.#change(session, 1);
  }

  remove(session: Session): void {
    this.#change(session, -1);
  }

  /** Calls at once if the one with this ICID is among them. @param who an IMPU or a tenant's id. */
  with(who: string, icid: string): number {
    const calls = this.#calls.get(who);
    if (calls === undefined) return 1;
    return calls.has(icid) ? calls.size : calls.size + 1;
  }

  #change({ registration, icid }: Session, by: number): void {
    for (const who of [registration.impu, registration.entry.tenant]) {
      const calls = this.#calls.get(who) ?? new Map<string, number>();
      const branches = (calls.get(icid) ?? 0) + by;
      if (branches > 0) calls.set(icid, branches);
      else calls.delete(icid);
      if (calls.size > 0) this.#calls.set(who, calls);
      else this.#calls.delete(who);
    }
  }
}
