import type { Wwsf } from "@portico/wwsf";
import type { Account } from "./idp/accounts.ts";
import type { Presence } from "./rtc/protocol.ts";

/** A colleague as the page shows her. */
export interface Colleague {
  readonly id: string;
  readonly name: string;
  readonly presence: Presence;
  /** Her telephone number, while the operator has one assigned to her; `+` and digits. */
  readonly tel?: string;
}

/** Milliseconds for which an answer of the WAF is taken as current. The WAF alone keeps assignments (WWSF-04). */
const freshMs = 10_000;

/** Who works at Acme, who is there, and by what number each can be called. */
export class Directory {
  readonly #people: readonly Account[];
  readonly #wwsf: Wwsf;
  readonly #presenceOf: (user: string) => Presence;
  readonly #numbers = new Map<string, { readonly until: number; readonly tel: Promise<string | undefined> }>();

  constructor(people: readonly Account[], wwsf: Wwsf, presenceOf: (user: string) => Presence) {
    this.#people = people;
    this.#wwsf = wwsf;
    this.#presenceOf = presenceOf;
  }

  /** Everybody but herself, by name. A portal that does not answer costs the numbers, not the list. */
  async colleaguesOf(user: string): Promise<Colleague[]> {
    const others = this.#people.filter(({ id }) => id !== user);
    const colleagues = await Promise.all(others.map((person) => this.#look(person)));
    return colleagues.toSorted((a, b) => a.name.localeCompare(b.name));
  }

  /** A grant says what her number is. @returns true when that is news. */
  async learn(user: string, tel: string | undefined): Promise<boolean> {
    const before = await this.#numbers.get(user)?.tel;
    this.#numbers.set(user, { until: performance.now() + freshMs, tel: Promise.resolve(tel) });
    return before !== tel;
  }

  async #look({ id, name }: Account): Promise<Colleague> {
    const tel = await this.#numberOf(id);
    return { id, name, presence: this.#presenceOf(id), ...(tel === undefined ? {} : { tel }) };
  }

  #numberOf(user: string): Promise<string | undefined> {
    const known = this.#numbers.get(user);
    if (known !== undefined && known.until > performance.now()) return known.tel;
    const tel = this.#wwsf.identityOf(user).then(
      (identity) => identity?.tel,
      () => undefined,
    );
    this.#numbers.set(user, { until: performance.now() + freshMs, tel });
    return tel;
  }
}
