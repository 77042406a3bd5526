import { SipError } from "../errors.ts";
import type { Params } from "../params.ts";
import { parseParams } from "../params.ts";
import { parseNumber, trimmed } from "../scan.ts";

/** A value and the parameters behind it, the form of most header fields. */
interface Field {
  readonly value: string;
  readonly params: Params;
}

/** Parts `value;name=value`. @throws SipError `sip/value` */
export function parseField(text: string, what: string): Field {
  const semicolon = text.indexOf(";");
  const end = semicolon < 0 ? text.length : semicolon;
  return { value: trimmed(text, 0, end), params: parseParams(text, end, what) };
}

/** A number from `least` to `most`. @throws SipError `sip/value` */
export function numberOf(text: string, what: string, least = 0, most = 0xffff_ffff): number {
  const value = parseNumber(text);
  if (value < least || value > most) throw new SipError("sip/value", what);
  return value;
}

/** A parameter that is a number of seconds or the like; undefined when it is absent or none. */
export function numberParam(params: Params, name: string): number | undefined {
  const value = parseNumber(params.get(name) ?? "");
  return value < 0 ? undefined : value;
}
