import type { MediaPlane } from "@portico/agw";
import type { Clock, Random, Resolver } from "@portico/sip";
import type { TlsOptions } from "@portico/transport";
import type { CoreOptions } from "./core.ts";
import type { RegistrationStore } from "./registration/binding.ts";
import type {
  BlockTable,
  Log,
  MessageFact,
  RegistrationFact,
  RegistrationUse,
  Revocations,
  SessionFact,
  SharedLimits,
  SubscriptionFact,
  TenantPolicy,
  TokenVerifier,
} from "./ports.ts";

export interface EpcscfOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  readonly verifier: TokenVerifier;
  readonly blocks: BlockTable;
  readonly revocations: Revocations;
  readonly reportRegistration: (fact: RegistrationFact) => void;
  /** Writes usage records. When it fails there is an alarm, and the call goes on. */
  readonly reportSession: (fact: SessionFact) => Promise<void>;
  /** Writes the record of a message, for which its answer waits. When it fails there is an alarm, and the answer goes on. */
  readonly reportMessage: (fact: MessageFact) => Promise<void>;
  /** Notes usage records for which no answer waits. */
  readonly noteRegistration: (use: RegistrationUse) => void;
  readonly noteSubscription: (fact: SubscriptionFact) => void;
  readonly media: MediaPlane;
  /** Name of this node among those that share a registration store; the same after a restart. */
  readonly node: string;
  readonly registrationStore: RegistrationStore;
  /** At least 32 secret octets; the same ones after a restart keep Paths in the core recognisable. */
  readonly sealKey: Uint8Array;
  readonly home: CoreOptions;
  /** Default: the system's name servers. */
  readonly resolver?: Resolver;
  /** P-Visited-Network-ID; the home domain where this node is in the home network. */
  readonly networkId: string;
  /** This node's address on Mw; port 0 lets the system choose. */
  readonly mw: {
    readonly address: string;
    readonly port: number;
    /** Addresses of the core; messages from others are dropped (SEC-04). Absent: the network keeps others away. */
    readonly peers?: readonly string[];
    /** Absent: no TLS on Mw. */
    readonly tls?: TlsOptions | undefined;
  };
  readonly w2: {
    /** Host and port browsers connect to. */
    readonly sentBy: string;
    readonly originAllowed: (origin: string) => boolean;
    /** WebSockets of one address, and of pages of one site, at the most; default 2000 and 50 000 (EPC-WS-08). */
    readonly maxPerAddress?: number;
    readonly maxPerSite?: number;
  };
  readonly authzServer: string;
  /**
   * The tenant whose site at this origin lets users register with IMS credentials of their own, by Digest with the core (scenario 1
   * of TS 23.228 Annex U); absent: nobody may.
   */
  readonly ownCredentials?: ((origin: string) => string | undefined) | undefined;
  /** Asked at each call and each new registration, since a contract may change. */
  readonly policyOf: (tenant: string) => TenantPolicy;
  /** Counts with other nodes what a tenant may have at once; absent: this node counts alone. */
  readonly sharedLimits?: SharedLimits | undefined;
  /** Numbers screened as emergency calls, for example `112`. */
  readonly emergencyNumbers: readonly string[];
  /** Longest registration asked of the core, seconds. */
  readonly maxExpires: number;
  readonly graceSeconds: number;
  /** New registrations the core is asked for in a second; default 200. Refreshes are not counted. */
  readonly registrationsPerSecond?: number;
  /** Seconds that running calls may outlive their token; 0 ends them with it (EPC-DER-03). */
  readonly sessionGraceSeconds: number;
  readonly latchCoreMedia: boolean;
}
