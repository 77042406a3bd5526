import type { PortalConfig } from "@portico/portico";
import type { Subscription } from "../kamailio/hss/subscription.ts";

/** The users of the suite, in the order in which the portal assigns the entries of its block. */
export const usersInOrder = [
  /** Comes, refreshes, goes. */
  "mary",
  "ken",
  /** Never refreshes. */
  "olivia",
  /** The HSS does not assign an S-CSCF to her. */
  "refused",
  /** The core does not take the portal for a trusted node when it speaks for her. */
  "challenged",
  /** Stands in the portal's block, not in the HSS. */
  "unknown",
] as const;
export type User = (typeof usersInOrder)[number];

const numbered = (user: User): string => String(usersInOrder.indexOf(user) + 1).padStart(4, "0");

/** Somebody with a subscription and a password of her own, in no block. */
export const self: Subscription & { readonly password: string } = {
  impi: "self@ims.test",
  impu: "sip:self@ims.test",
  password: "own-secret",
};

/** The entry of the block that a user is assigned, as the HSS is told of it. */
export function subscriptionOf(user: User): Subscription {
  const index = numbered(user);
  return {
    impi: `u${index}.acme@ims.test`,
    impu: `sip:u${index}@ims.test`,
    tel: `+1212555${String(99 + Number(index)).padStart(4, "0")}`,
    ...(user === "challenged" ? { password: "secret" } : {}),
    ...(user === "refused" ? { unassignable: true } : {}),
  };
}

export type CoreName = "lab" | "Kamailio";

/** What a portal is told of its core. */
export interface CoreAddresses {
  /** SIP URIs of I-CSCFs, without a transport. */
  readonly entryPoints: readonly string[];
  /** Where the portal is on Mw, and its certificate; 0: any port. */
  readonly portal: Pick<PortalConfig["mw"], "address" | "port" | "tls">;
  /** Addresses the core sends from. */
  readonly peers: readonly string[];
}

/** An IMS core under the suite: what the cases need of it, whoever plays it. It has two I-CSCFs. */
export interface TestCore extends CoreAddresses {
  readonly name: CoreName;
  /** Contact URIs the S-CSCF holds for an identity. */
  contacts(impu: string): Promise<readonly string[]>;
  /** Feature-Caps of each REGISTER that the S-CSCF has got for an identity, oldest first. */
  featureCaps(impu: string): readonly string[];
  /** Subscriptions to the reg event of an identity so far, those that are over included. */
  watches(impu: string): number;
  /** Server-Assignment-Types that the HSS has been told for an identity, oldest first, in upper case. */
  assignments(impu: string): readonly string[];
  /** Commands on Cx for an identity, for example UAR, SAR. */
  commands(impu: string): readonly string[];
  /** RTR for the whole implicit set, or for one identity of it. */
  terminate(impu: string, only?: string): Promise<void>;
  stopIcscf(index: 0 | 1): Promise<void>;
  startIcscf(index: 0 | 1): Promise<void>;
  restartScscf(): Promise<void>;
  stopHss(): Promise<void>;
  startHss(): Promise<void>;
  /** An INVITE for an identity from elsewhere in the network. @returns the final status. */
  call(impu: string): Promise<number>;
  /** What it has logged, for a test that fails. */
  logs(): string;
  close(): Promise<void>;
}

/** Where the cores differ in what a browser sees, and why. Everything that is not here is the same. */
export const differences = {
  hssDown: {
    lab: 480,
    Kamailio: 504,
    why: "TS 24.229 leaves it to the I-CSCF; Kamailio gives up a Cx transaction after 5 s with 408, which the portal tells as 504",
  },
  sarRejected: {
    lab: 403,
    Kamailio: 500,
    why: "Kamailio answers every Diameter failure of a SAR with 500",
  },
  grantedOf600: {
    lab: 300,
    Kamailio: 540,
    why: "the lab is told to grant 300 s at most, Kamailio grants 10 % less than asked (expires_buffer_percent)",
  },
  leastExpires: {
    lab: 3,
    Kamailio: 10,
    why: "Kamailio raises what is below its minimum, here 10 s",
  },
  timeoutAssignment: {
    lab: "TIMEOUT_DEREGISTRATION",
    Kamailio: undefined,
    why: "Kamailio tells the HSS nothing when a contact expires, at least not for 22 s",
  },
  rtrOfOne: {
    lab: "not possible",
    Kamailio: "whole set",
    why: "the lab ends sets only; Kamailio's S-CSCF drops the whole implicit set when one identity of it is named",
  },
} as const satisfies Record<string, Record<CoreName, unknown> & { why: string }>;
