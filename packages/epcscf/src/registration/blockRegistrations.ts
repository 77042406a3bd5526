import type { SipRequest } from "@portico/sip";
import { EpcscfError } from "../errors.ts";
import { calledIdentity } from "../policy/calledIdentity.ts";
import type { SharedSet } from "../ports.ts";
import { BlockRegistration, type BlockRegistrationOptions } from "./blockRegistration.ts";
import { setName, type Registration, type Registrations } from "./registration.ts";
import type { Granted } from "./restorer.ts";

export interface BlockRegistrationsOptions extends BlockRegistrationOptions {
  readonly registrations: Registrations;
}

/** The wildcarded blocks whose users have come to this node (ADM-04): one for each block, as long as the node runs. */
export class BlockRegistrations {
  readonly #options: BlockRegistrationsOptions;
  readonly #bySet = new Map<string, BlockRegistration>();
  readonly #byKey = new Map<string, BlockRegistration>();

  constructor(options: BlockRegistrationsOptions) {
    this.#options = options;
  }

  /** The block of a set. @param tenant whose users it has */
  of(set: SharedSet, tenant: string): BlockRegistration {
    const name = setName(set);
    const known = this.#bySet.get(name);
    if (known !== undefined) return known;
    const { registrations, endings } = this.#options;
    const block = new BlockRegistration(
      this.#options,
      { tenant, set },
      {
        any: () => registrations.sharing(set).size > 0,
        rerouted: ({ serviceRoute, scscf }) => {
          for (const user of registrations.sharing(set))
            if (user.grant !== undefined) user.grant = { ...user.grant, serviceRoute, scscf };
        },
        end: (reason) =>
          void endings.endAll(reason, ({ entry }) => entry.shared !== undefined && setName(entry.shared) === name),
      },
    );
    this.#bySet.set(name, block);
    this.#byKey.set(block.key, block);
    return block;
  }

  /** A user is gone. */
  left({ entry }: Registration): void {
    if (entry.shared !== undefined) this.#bySet.get(setName(entry.shared))?.settle();
  }

  /**
   * The devices that a request of the core to a block's Contact is for. @returns undefined when the Contact is no block's
   * @param flowId what the Path says
   * @throws EpcscfError `epcscf/not-here` for an identity of nobody here, whether it exists or not
   */
  called(contact: string, flowId: string, request: SipRequest): readonly Registration[] | undefined {
    const block = this.#byKey.get(contact);
    if (block === undefined) return undefined;
    if (flowId !== block.flowId) throw new EpcscfError("epcscf/flow-token");
    // The dialogs of users have Contacts of their own.
    if (request.toTag !== undefined) throw new EpcscfError("epcscf/dialog");
    const identity = calledIdentity(request);
    const all = identity === undefined ? [] : this.#options.registrations.ofImpu(identity);
    const devices = all.filter(
      ({ entry, flow }) =>
        flow !== undefined && entry.shared !== undefined && this.#bySet.get(setName(entry.shared)) === block,
    );
    if (devices.length === 0) throw new EpcscfError("epcscf/not-here");
    return devices;
  }

  /** Those that the core has. */
  get granted(): readonly Granted[] {
    return [...this.#byKey.values()].flatMap(({ granted }) => granted ?? []);
  }

  /** That of a user, if she is one of such a block. */
  grantedFor({ entry }: Registration): Granted | undefined {
    return entry.shared && this.#bySet.get(setName(entry.shared))?.granted;
  }

  /** The S-CSCF of a user is lost. */
  scscfLost({ entry }: Registration): void {
    if (entry.shared !== undefined) this.#bySet.get(setName(entry.shared))?.renew();
  }

  /** Resolves when the core holds none of them any more, or cannot be told. */
  async close(): Promise<void> {
    await Promise.all([...this.#byKey.values()].map((block) => block.close()));
  }
}
