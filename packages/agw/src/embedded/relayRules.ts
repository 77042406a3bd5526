import { sameCodec, type Codec } from "@portico/sdp";
import { AgwError } from "../errors.ts";
import type { RelayPlan } from "../mediaPlane.ts";
import { aLawToMuLaw, muLawToALaw } from "./g711.ts";
import type { PayloadRule } from "./rtpStream.ts";

/** What becomes of the packets of each payload type in one direction; `clockRateIn` is the clock they come with. */
export type RelayRules = ReadonlyMap<number, RelayRule>;

interface RelayRule extends PayloadRule {
  readonly clockRateIn: number;
}

/** The rules of both directions. @throws AgwError `agw/codec` when a pair cannot be relayed */
export function relayRules({ audio, events }: RelayPlan): { toCore: RelayRules; toAccess: RelayRules } {
  const toCore = new Map<number, RelayRule>();
  const toAccess = new Map<number, RelayRule>();
  for (const { access, core } of audio) {
    addFirst(toCore, access, core, conversion(access, core));
    addFirst(toAccess, core, access, conversion(core, access));
  }
  if (events) {
    const { access, core } = events;
    if (nameOf(access) !== "TELEPHONE-EVENT" || nameOf(core) !== "TELEPHONE-EVENT") throw new AgwError("agw/codec");
    // RFC 4733 §2.5.2.3: durations are in units of the event's own clock.
    addFirst(toCore, access, core, { eventScale: core.clockRate / access.clockRate });
    addFirst(toAccess, core, access, { eventScale: access.clockRate / core.clockRate });
  }
  return { toCore, toAccess };
}

function addFirst(
  rules: Map<number, RelayRule>,
  from: Codec,
  to: Codec,
  change: Pick<PayloadRule, "convert" | "eventScale">,
): void {
  if (rules.has(from.payloadType)) return;
  const { payloadType, clockRate } = to;
  rules.set(from.payloadType, { payloadType, clockRate, clockRateIn: from.clockRate, ...change });
}

function conversion(from: Codec, to: Codec): Pick<PayloadRule, "convert"> {
  if (sameCodec(from, to)) return {};
  if (sameCodec({ ...from, name: nameOf(to) }, to)) {
    if (nameOf(from) === "PCMA" && nameOf(to) === "PCMU") return { convert: aLawToMuLaw };
    if (nameOf(from) === "PCMU" && nameOf(to) === "PCMA") return { convert: muLawToALaw };
  }
  throw new AgwError("agw/codec", `${from.name}, ${to.name}`);
}

function nameOf({ name }: Codec): string {
  return name.toUpperCase();
}
