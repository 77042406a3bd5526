import type { PortalConfig } from "../config/schema.ts";
import type { CoreProbe } from "../core/probe.ts";

/** What a check found. */
export interface Finding {
  readonly state: "ok" | "warn" | "fail" | "skipped";
  /** What was seen. */
  readonly detail: string;
  /** What to do; empty where there is nothing to do. */
  readonly remedy: string;
}

/** What checks look at. */
export interface Patient {
  readonly file: string;
  readonly config: PortalConfig;
  /** Undefined: the address of Mw cannot be used. */
  readonly probe: CoreProbe | undefined;
  /** A portal runs on this configuration. */
  readonly running: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** One thing that must be right for a portal to work. */
export interface Check {
  readonly name: string;
  run(patient: Patient): Promise<readonly Finding[]>;
}

export const ok = (detail: string): Finding => ({ state: "ok", detail, remedy: "" });
export const skipped = (detail: string): Finding => ({ state: "skipped", detail, remedy: "" });
export const warn = (detail: string, remedy: string): Finding => ({ state: "warn", detail, remedy });
export const fail = (detail: string, remedy: string): Finding => ({ state: "fail", detail, remedy });
