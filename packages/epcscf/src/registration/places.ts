import type { Clock, Random } from "@portico/sip";
import { chance } from "../chance.ts";
import { EpcscfError } from "../errors.ts";
import type { Log, SharedLimits, TenantPolicy } from "../ports.ts";
import type { Registrations } from "./registration.ts";

export interface PlacesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly registrations: Registrations;
  readonly policyOf: (tenant: string) => TenantPolicy;
  readonly sharedLimits?: SharedLimits | undefined;
}

/** Seconds after which who found no place asks again, at random: who is refused together does not come back together. */
const againLeast = 30;
const againMost = 60;
/** The operator hears of a tenant without places no more often, ms. */
const quietMs = 60_000;

/**
 * How many registrations the users of a tenant may have at once (ADM-01). Who has one keeps it, whatever the limit is by now; one whose
 * socket is lost counts until its grace time is over, since the core holds its binding.
 */
export class Places {
  readonly #options: PlacesOptions;
  /** Clock time at which the operator has heard last, by tenant. */
  readonly #told = new Map<string, number>();

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /**
   * Keeps a place while a REGISTER is on its way, so that two at once do not both get the last one.
   * @returns gives it back; a registration that has come of it counts by itself
   * @throws EpcscfError `epcscf/tenant-registrations` with Retry-After
   */
  async take(tenant: string, key: string): Promise<() => void> {
    const { tally } = this.#options.registrations;
    this.#checkHere(tenant, key);
    tally.add(tenant, key);
    const giveBack = (): void => tally.remove(tenant, key);
    try {
      await this.#checkEverywhere(tenant, key);
    } catch (error) {
      giveBack();
      throw error;
    }
    return giveBack;
  }

  /** @throws EpcscfError `epcscf/tenant-registrations` with Retry-After when the tenant has no place for a new registration. */
  async check(tenant: string, key: string): Promise<void> {
    this.#checkHere(tenant, key);
    await this.#checkEverywhere(tenant, key);
  }

  #checkHere(tenant: string, key: string): void {
    const { registrations, policyOf } = this.#options;
    if (registrations.byKey(key) !== undefined) return;
    const { maxRegistrations: most = Infinity } = policyOf(tenant);
    if (registrations.tally.with(tenant, key) > most) throw this.#full(tenant, most);
  }

  async #checkEverywhere(tenant: string, key: string): Promise<void> {
    const { registrations, policyOf, sharedLimits } = this.#options;
    const { maxRegistrations: most } = policyOf(tenant);
    if (sharedLimits === undefined || most === undefined || registrations.byKey(key) !== undefined) return;
    const own = registrations.tally.with(tenant, key);
    if (!(await sharedLimits.admit("registrations", tenant, own, most))) throw this.#full(tenant, most);
  }

  #full(tenant: string, most: number): EpcscfError {
    this.#tell(tenant, most);
    const later = Math.round(againLeast + (againMost - againLeast) * chance(this.#options.random));
    return new EpcscfError("epcscf/tenant-registrations", [["Retry-After", String(later)]]);
  }

  #tell(tenant: string, most: number): void {
    const { clock, log } = this.#options;
    const now = clock.now();
    if (now - (this.#told.get(tenant) ?? -Infinity) < quietMs) return;
    this.#told.set(tenant, now);
    log.alarm("tenant.registrations-full", { tenant, limit: most });
  }
}
