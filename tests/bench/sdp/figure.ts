import type { Figure } from "../figure.ts";
import { loopFigure } from "../loop.ts";

const program = new URL("process.ts", import.meta.url);

/** CPU of parsing and writing the offer of a browser. */
export const roundTripFigure: Figure = loopFigure([
  { name: "Portico", program, args: ["portico"] },
  { name: "sdp-transform 3.0.0", program, args: ["sdp-transform"] },
]);
