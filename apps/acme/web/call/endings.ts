import type { CallView } from "./arbiter.ts";
import type { EndCause, Party } from "./line.ts";
import { formatNumber } from "../phoneNumber.ts";

/** How a call's end is told: what happened, and what to do next. */
export interface CallEnd {
  readonly title: string;
  readonly advice?: string;
  /** True for an end that nobody wanted. */
  readonly failed: boolean;
}

/** Causes of the lines, and those that the page finds before there is a line. */
export type Ending =
  | EndCause
  | "self"
  | "no-number"
  | "not-a-number"
  | "not-connected"
  | "no-permission"
  | "no-microphone";

/** The name to show for somebody. */
export function nameOf({ name, number }: Party): string {
  return name ?? (number === undefined ? "Unknown caller" : formatNumber(number));
}

/**
 * What to tell when a call is over; undefined when there is nothing to tell, as when another tab took it.
 * @param text what the network said, in words
 */
export function describeEnd(ending: Ending, view: CallView, text?: string): CallEnd | undefined {
  const who = nameOf(view.party);
  const fail = (title: string, advice?: string): CallEnd => ({ title, failed: true, ...(advice ? { advice } : {}) });
  const missed = view.direction === "in" && view.phase === "incoming";
  switch (ending) {
    case "hangup":
      return missed ? fail(`Missed call from ${who}`) : { title: "Call ended", failed: false };
    case "no-answer":
      return missed ? fail(`Missed call from ${who}`) : fail(`${who} did not answer`, "Try again later.");
    case "moved":
      return undefined;
    case "answered-elsewhere":
      return { title: "Answered in another tab or on another device", failed: false };
    case "declined":
      return fail(`${who} declined the call`);
    case "busy":
      return fail(`${who} is on another call`, "Try again in a few minutes.");
    case "unreachable":
      return missed ? fail(`Missed call from ${who}`) : fail(`${who} cannot be reached`, "Try again later.");
    case "lost":
      return fail("The connection was lost", "Check your network, then call again.");
    case "failed":
      return fail(text ?? "The call could not be connected", "Check your network, then call again.");
    case "refused":
      return fail(text ?? "The telephone network refused the call", "Check the number.");
    case "emergency":
      return fail("Emergency calls are not possible here", "Use a mobile or fixed telephone.");
    case "self":
      return fail("This is your own number", "Choose somebody else to call.");
    case "no-number":
      return fail(`${who} is offline and has no telephone number yet`, "Try again when the name is marked online.");
    case "not-a-number":
      return fail("This is not a telephone number", "Type digits, with + and the country code in front.");
    case "not-connected":
      return fail("Not connected to the telephone network", "Wait until your number is shown above, then call again.");
    case "no-permission":
      return fail(
        "Acme Talk may not use your microphone",
        "Allow it in the address bar of the browser, then call again.",
      );
    case "no-microphone":
      return fail("No microphone was found", "Plug one in, or close the program that uses it, then call again.");
  }
}
