import { SipError } from "../errors.ts";
import type { Params } from "../params.ts";
import { formatParams, parseParams, quote, unquote } from "../params.ts";

/** P-Charging-Vector (RFC 7315 §4.6). */
export interface ChargingVector {
  readonly icid: string;
  /** Host that made the ICID. */
  readonly generatedAt?: string;
  readonly originatingIoi?: string;
  readonly terminatingIoi?: string;
  /** All others, as written. */
  readonly params: Params;
}

const typed = ["icid-value", "icid-generated-at", "orig-ioi", "term-ioi"];

/**
 * Reads P-Charging-Vector.
 * @throws SipError `sip/value`, also when it has no ICID
 * @example
 * ```ts
 * parseChargingVector('icid-value="a-1";orig-ioi=home.example').originatingIoi; // "home.example"
 * ```
 */
export function parseChargingVector(text: string): ChargingVector {
  const params = parseParams(`;${text}`, 0, "P-Charging-Vector");
  const [icid, generatedAt, originatingIoi, terminatingIoi] = typed.map((name) => {
    const value = params.get(name);
    params.delete(name);
    return value === undefined ? undefined : unquote(value);
  });
  if (icid === undefined || icid === "") throw new SipError("sip/value", "P-Charging-Vector without ICID");
  return {
    icid,
    ...(generatedAt === undefined ? {} : { generatedAt }),
    ...(originatingIoi === undefined ? {} : { originatingIoi }),
    ...(terminatingIoi === undefined ? {} : { terminatingIoi }),
    params,
  };
}

/**
 * Writes P-Charging-Vector; the ICID and the operators' names quoted.
 * @example
 * ```ts
 * formatChargingVector({ icid: "a-1", params: new Map() }); // 'icid-value="a-1"'
 * ```
 */
export function formatChargingVector(vector: ChargingVector): string {
  const params: Params = new Map([["icid-value", quote(vector.icid)]]);
  if (vector.generatedAt !== undefined) params.set("icid-generated-at", vector.generatedAt);
  if (vector.originatingIoi !== undefined) params.set("orig-ioi", quote(vector.originatingIoi));
  if (vector.terminatingIoi !== undefined) params.set("term-ioi", quote(vector.terminatingIoi));
  for (const [name, value] of vector.params) params.set(name, value);
  return formatParams(params).slice(1);
}
