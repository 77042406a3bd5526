import { lookup, Resolver as DnsResolver } from "node:dns/promises";
import type { Clock, NaptrRecord, Resolver, SrvRecord } from "@portico/sip";

export interface DnsOptions {
  readonly clock: Clock;
  /** `address:port` of name servers; default: the system's. */
  readonly servers?: readonly string[];
}

interface Answer<T> {
  readonly records: readonly T[];
  /** Seconds. */
  readonly life: number;
}

interface Entry {
  answer: Promise<readonly unknown[]>;
  /** Clock time, ms. */
  until: number;
  /** What was known before, for the case that the name servers fall silent (RFC 8767). */
  last: readonly unknown[];
}

/** Milliseconds that one question may take altogether. */
const patience = 4000;
/** Node does not tell the time to live of SRV and NAPTR records. Seconds. */
const serviceLife = 30;
/** Of a name without records, and of a question without an answer. Seconds. */
const negativeLife = 5;
const longestLife = 3600;
const mostNames = 1000;

/** DNS by the system's name servers and its hosts file, bounded in time and kept as long as the records live. */
class SystemResolver implements Resolver {
  readonly #clock: Clock;
  readonly #dns: DnsResolver;
  readonly #known = new Map<string, Entry>();

  constructor({ clock, servers }: DnsOptions) {
    this.#clock = clock;
    this.#dns = new DnsResolver({ timeout: patience / 4, tries: 2 });
    if (servers !== undefined) this.#dns.setServers([...servers]);
  }

  naptr(name: string): Promise<readonly NaptrRecord[]> {
    return this.#ask("NAPTR", name, async () => {
      const records = await this.#dns.resolveNaptr(name);
      return { life: serviceLife, records };
    });
  }

  srv(name: string): Promise<readonly SrvRecord[]> {
    return this.#ask("SRV", name, async () => {
      const records = await this.#dns.resolveSrv(name);
      return {
        life: serviceLife,
        records: records.map(({ priority, weight, port, name: target }) => ({ priority, weight, port, target })),
      };
    });
  }

  addresses(name: string): Promise<readonly string[]> {
    return this.#ask("A", name, () => this.#addresses(name));
  }

  async #addresses(name: string): Promise<Answer<string>> {
    const questions = [this.#dns.resolve6(name, { ttl: true }), this.#dns.resolve4(name, { ttl: true })];
    const answers = await Promise.allSettled(questions);
    const found = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    if (found.length > 0) {
      const life = Math.min(...found.map(({ ttl }) => ttl));
      return { records: found.map(({ address }) => address), life };
    }
    // Names of the hosts file are unknown to name servers.
    const local = await lookup(name, { all: true });
    return { records: local.map(({ address }) => address), life: serviceLife };
  }

  #ask<T>(kind: string, name: string, question: () => Promise<Answer<T>>): Promise<readonly T[]> {
    const key = `${kind} ${name.toLowerCase()}`;
    const known = this.#known.get(key);
    if (known !== undefined && known.until > this.#clock.now()) return known.answer as Promise<readonly T[]>;
    const last = (known?.last ?? []) as readonly T[];
    // Who asks in the meantime waits for the same answer.
    const entry: Entry = { answer: Promise.resolve(last), last, until: Infinity };
    const answer = this.#answered(question, last, entry);
    entry.answer = answer;
    this.#known.delete(key);
    this.#known.set(key, entry);
    if (this.#known.size > mostNames) this.#known.delete(this.#known.keys().next().value ?? "");
    return answer;
  }

  /** Never rejects: a name that nobody answers for has the records that it had last. */
  async #answered<T>(question: () => Promise<Answer<T>>, last: readonly T[], entry: Entry): Promise<readonly T[]> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const stop = this.#clock.setTimer(patience, () => resolve(undefined));
    const answer = await Promise.race([question().catch(absent<T>), late]);
    stop();
    const { records, life } = answer ?? { records: last, life: negativeLife };
    entry.until = this.#clock.now() + 1000 * Math.min(longestLife, Math.max(1, life));
    entry.last = records;
    return records;
  }
}

/** "No such name" and "no such record" are answers; all else is silence. */
function absent<T>(error: unknown): Answer<T> | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOTFOUND" || code === "ENODATA" ? { records: [], life: negativeLife } : undefined;
}

/** Name resolution for {@link targetsOf} of `sip`. */
export function systemResolver(options: DnsOptions): Resolver {
  return new SystemResolver(options);
}
