import type { Figure } from "../figure.ts";
import { loopFigure, type Loop } from "../loop.ts";
import type { MessageName } from "./messages.ts";
import { relays, type RelayName } from "./relays.ts";

/** CPU of relaying one request of a browser: parse, edit of the route, serialise. */
export function sipFigure(message: MessageName): Figure {
  const loop = (relay: RelayName): Loop => ({
    name: relays[relay].title,
    program: new URL("process.ts", import.meta.url),
    args: [relay, message],
  });
  return loopFigure([loop("portico"), loop("drachtio"), loop("kirm"), loop("jssip"), loop("sipjs")]);
}
