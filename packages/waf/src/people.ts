import { type Assignment, type AuditRecord, personOf, type Store, type Tables, type UserKey } from "@portico/store";
import type { Leasing } from "./leasing.ts";
import type { Now } from "./ports.ts";
import type { By } from "./tenant/tenants.ts";

/** All that is kept of a person, for herself to see (PRV-03). Times are ISO 8601. */
export interface PersonalData {
  readonly issuer: string;
  readonly subject: string;
  readonly identities: readonly {
    readonly impu: string;
    readonly pseudonym: string;
    readonly from: string;
    readonly until?: string;
    readonly reason?: string;
    /** Access tokens she was given, by their ids. */
    readonly tokens: readonly { readonly jti: string; readonly at: string; readonly address: string }[];
  }[];
  /** What the audit says of her. */
  readonly records: readonly {
    readonly at: string;
    readonly actor: string;
    readonly action: string;
    readonly subject: string;
  }[];
}

/** Most records of one person that are told. */
const maxRecords = 10_000;
/** Assignments forgotten in one transaction. */
const batch = 500;

const iso = (at: number): string => new Date(at).toISOString();

/** What is kept of the users of a tenant, and its end. */
export class People {
  readonly #store: Store;
  readonly #leasing: Leasing;
  readonly #now: Now;

  constructor(o: { store: Store; leasing: Leasing; now: Now }) {
    this.#store = o.store;
    this.#leasing = o.leasing;
    this.#now = o.now;
  }

  /** Everything about a user; empty lists when she is not known. */
  async export(user: UserKey): Promise<PersonalData> {
    const { assignments, issuedTokens, audit } = this.#store;
    const identities = [];
    for (const { id, impu, pseudonym, startedAt, endedAt, endReason } of await assignments.allOf(user)) {
      const tokens = (await issuedTokens.ofAssignment(id)).map(({ jti, issuedAt, address }) => {
        return { jti, at: iso(issuedAt), address };
      });
      const end = endedAt === undefined ? {} : { until: iso(endedAt), reason: endReason ?? "" };
      identities.push({ impu, pseudonym, from: iso(startedAt), ...end, tokens });
    }
    const records = await audit.page(user.tenant, maxRecords, { person: personOf(user) });
    return { issuer: user.issuer, subject: user.subject, identities, records: records.map(told) };
  }

  /**
   * Forgets a user: her sessions and her assignment end, and who she was is no longer known to assignments, audit, calls
   * and tokens. That an identity was held, and when, stays, and the audit's chains stay whole.
   * @returns how many assignments of hers there were
   */
  async erase(user: UserKey, { by }: By): Promise<number> {
    return await this.#leasing.write(async (tables, ended) => {
      const live = await tables.assignments.of(user);
      if (live !== undefined) await this.#leasing.release(tables, ended, live.impu, "user_erased", by);
      const all = await tables.assignments.allOf(user);
      for (const assignment of all) await forget(tables, assignment, this.#now());
      await tables.audit.erase(user.tenant, personOf(user));
      const { tenant } = user;
      const detail = { assignments: all.length };
      // Whom it concerned is what must not be written down.
      ended.records.push({
        tenant,
        at: this.#now(),
        actor: by,
        action: "person.erase",
        subject: tenant,
        detail,
      });
      return all.length;
    });
  }

  /** Forgets who held identities until some time ago, and of whom nothing was recorded since. */
  async purge(before: number): Promise<void> {
    for (;;) {
      const old = await this.#store.assignments.endedBefore(before, batch);
      if (old.length > 0) {
        await this.#leasing.write(async (tables) => {
          for (const assignment of old) await forget(tables, assignment, this.#now());
        });
      }
      if (old.length < batch) break;
    }
    await this.#store.audit.forget(before);
  }
}

async function forget(tables: Tables, { id, impu, startedAt, endedAt }: Assignment, now: number): Promise<void> {
  await tables.assignments.anonymise(id);
  await tables.issuedTokens.forgetAddresses(id);
  await tables.calls.erase(impu, startedAt, endedAt ?? now);
  await tables.messages.erase(impu, startedAt, endedAt ?? now);
  await tables.registrationRecords.erase(impu, startedAt, endedAt ?? now);
  await tables.subscriptionRecords.erase(impu, startedAt, endedAt ?? now);
}

const told = ({ at, actor, action, subject }: AuditRecord): PersonalData["records"][number] => {
  return { at: iso(at), actor, action, subject };
};
