import type { KeyObject } from "node:crypto";
import type { Epcscf, Log, Traces } from "@portico/epcscf";
import type { AuditEvent, Store } from "@portico/store";
import type { Random, Waf } from "@portico/waf";
import type { EventHub } from "./events.ts";
import type { Nodes } from "./nodes.ts";

/** What the Admin API sees of the eP-CSCF. */
export type LiveNode = Pick<Epcscf, "counts" | "registrations" | "sessions" | "endRegistration" | "releaseSession"> & {
  readonly traces: Pick<Traces, "all" | "read" | "start" | "stop">;
};

/** What the handlers work on. */
export interface AdminServices {
  readonly store: Store;
  readonly waf: Waf;
  readonly live: LiveNode;
  readonly hub: EventHub;
  readonly node: NodeFacts;
  readonly nodes: Nodes;
  /** Ed25519; signs checkpoints of the audit. */
  readonly auditKey: KeyObject;
  readonly log: Log;
  /** Appends to the audit and tells the event streams. */
  readonly audit: (event: Omit<AuditEvent, "at">) => Promise<void>;
  /** True while the credentials are good for what they were when the stream began. */
  readonly stillAuthorised: (authorization: string | undefined, actor: string) => Promise<boolean>;
  readonly streams: StreamBounds;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly random: Random;
}

/** What is told of the node itself. */
export interface NodeFacts {
  /** Host and port on Mw, as registrations and call records name it. */
  readonly name: string;
  readonly version: string;
  readonly homeDomain: string;
  readonly publicUrl: string;
  readonly startedAt: number;
}

/** Bounds of event streams. */
export interface StreamBounds {
  /** Streams at once: of all, and of one caller. */
  readonly most: number;
  readonly mostOfOne: number;
  /** Milliseconds between beats. */
  readonly beat: number;
  /** Octets that may wait for a reader. */
  readonly maxPending: number;
}
