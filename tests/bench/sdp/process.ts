import { createRequire } from "node:module";
import { formatSdp, parseSdp } from "@portico/sdp";
import { chromiumOffer } from "../chromiumOffer.ts";
import { repeatFor } from "../repeat.ts";
import { serve } from "../serve.ts";

// Process under test: one SDP library. Argument: its name.
// It comes without types.
const require = createRequire(import.meta.url);
const { parse, write } = require("sdp-transform") as {
  parse: (text: string) => object;
  write: (session: object) => string;
};
const roundTrips: Record<string, () => string> = {
  portico: () => formatSdp(parseSdp(chromiumOffer)),
  "sdp-transform": () => write(parse(chromiumOffer)),
};
const roundTrip = roundTrips[process.argv[2] ?? ""];
if (roundTrip === undefined) throw new Error("name an SDP library");

serve({ run: (ms: number): number => repeatFor(ms, () => void roundTrip()) });
