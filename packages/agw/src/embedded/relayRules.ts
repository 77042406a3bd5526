import { sameCodec } from "@portico/sdp";
import { AgwError } from "../errors.ts";
import type { CodecPair, RelayPlan } from "../mediaPlane.ts";
import type { PayloadRule } from "./rtpStream.ts";

/** What becomes of each payload type, for one direction; with the clock rate its packets come in. */
export type RelayRules = ReadonlyMap<number, PayloadRule & { readonly clockRateIn: number }>;

/** The rules of both directions. @throws AgwError `agw/codec` when a pair is not of one codec */
export function relayRules({ audio, events }: RelayPlan): { toCore: RelayRules; toAccess: RelayRules } {
  const toCore = new Map<number, PayloadRule & { clockRateIn: number }>();
  const toAccess = new Map<number, PayloadRule & { clockRateIn: number }>();
  const add = ({ access, core }: CodecPair, isEvent: boolean): void => {
    if (!toCore.has(access.payloadType)) {
      const scale = isEvent ? { eventScale: core.clockRate / access.clockRate } : {};
      const { payloadType, clockRate } = core;
      toCore.set(access.payloadType, { payloadType, clockRate, clockRateIn: access.clockRate, ...scale });
    }
    if (!toAccess.has(core.payloadType)) {
      const scale = isEvent ? { eventScale: access.clockRate / core.clockRate } : {};
      const { payloadType, clockRate } = access;
      toAccess.set(core.payloadType, { payloadType, clockRate, clockRateIn: core.clockRate, ...scale });
    }
  };
  for (const pair of audio) {
    if (!sameCodec(pair.access, pair.core)) throw new AgwError("agw/codec", `${pair.access.name}, ${pair.core.name}`);
    add(pair, false);
  }
  if (events) {
    if (!isEvents(events.access.name) || !isEvents(events.core.name)) throw new AgwError("agw/codec", "events");
    add(events, true);
  }
  return { toCore, toAccess };
}

const isEvents = (name: string): boolean => name.toLowerCase() === "telephone-event";
