import { formatNumber } from "../phoneNumber.ts";
import type { EndCause, Party } from "./line.ts";

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

/** What the words depend on. */
interface Facts {
  readonly who: string;
  /** It rang here and nobody took it. */
  readonly missed: boolean;
  /** What the network said, in words. */
  readonly text: string | undefined;
}

/** The name to show for somebody. */
export function nameOf({ name, number }: Party): string {
  return name ?? (number === undefined ? "Unknown caller" : formatNumber(number));
}

const again = "Check your network, then call again.";

const endings: Record<Ending, (facts: Facts) => CallEnd | undefined> = {
  hangup: ({ who, missed }) => (missed ? missedCall(who) : { title: "Call ended", failed: false }),
  "no-answer": ({ who, missed }) => (missed ? missedCall(who) : fail(`${who} did not answer`, "Try again later.")),
  // It goes on by the other path: nothing to tell.
  moved: () => undefined,
  "answered-elsewhere": () => ({ title: "Answered in another tab or on another device", failed: false }),
  declined: ({ who }) => fail(`${who} declined the call`),
  busy: ({ who }) => fail(`${who} is on another call`, "Try again in a few minutes."),
  unreachable: ({ who, missed }) => (missed ? missedCall(who) : fail(`${who} cannot be reached`, "Try again later.")),
  lost: ({ who, missed }) => (missed ? missedCall(who) : fail("The connection was lost", again)),
  failed: ({ text }) => fail(text ?? "The call could not be connected", again),
  refused: ({ text }) => fail(text ?? "The telephone network refused the call", "Check the number."),
  emergency: () => fail("Emergency calls are not possible here", "Use a mobile or fixed telephone."),
  self: () => fail("This is your own number", "Choose somebody else to call."),
  "no-number": ({ who }) => fail(`${who} is offline and has no telephone number yet`, "Try again another time."),
  "not-a-number": () => fail("This is not a telephone number", "Type digits, with + and the country code in front."),
  "not-connected": () =>
    fail("Not connected to the telephone network", "Wait until your number is shown above, then call again."),
  "no-permission": () =>
    fail("Acme Talk may not use your microphone", "Allow it in the address bar of the browser, then call again."),
  "no-microphone": () =>
    fail("No microphone was found", "Plug one in, or close the program that uses it, then call again."),
};

/** What to tell when a call is over; undefined when there is nothing to tell. */
export function describeEnd(ending: Ending, facts: Facts): CallEnd | undefined {
  return endings[ending](facts);
}

function fail(title: string, advice?: string): CallEnd {
  return { title, failed: true, ...(advice === undefined ? {} : { advice }) };
}

function missedCall(who: string): CallEnd {
  return { title: `Missed call from ${who}`, failed: true };
}
