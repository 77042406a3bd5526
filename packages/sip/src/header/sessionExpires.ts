import { numberOf, parseField } from "./field.ts";

/** Session-Expires (RFC 4028 §4). */
export interface SessionExpires {
  /** Seconds. */
  readonly interval: number;
  readonly refresher?: "uac" | "uas";
}

/**
 * Reads Session-Expires. A refresher that is neither `uac` nor `uas` counts as none.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parseSessionExpires("1800;refresher=uac"); // { interval: 1800, refresher: "uac" }
 * ```
 */
export function parseSessionExpires(text: string): SessionExpires {
  const { value, params } = parseField(text, "Session-Expires");
  const interval = numberOf(value, "Session-Expires");
  const refresher = params.get("refresher")?.toLowerCase();
  return refresher === "uac" || refresher === "uas" ? { interval, refresher } : { interval };
}

/**
 * Writes Session-Expires.
 * @example
 * ```ts
 * formatSessionExpires({ interval: 1800, refresher: "uas" }); // "1800;refresher=uas"
 * ```
 */
export function formatSessionExpires(field: SessionExpires): string {
  return field.refresher === undefined ? String(field.interval) : `${field.interval};refresher=${field.refresher}`;
}

/**
 * Reads Min-SE (RFC 4028 §5): seconds; to write it, the number will do.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parseMinSe("90"); // 90
 * ```
 */
export function parseMinSe(text: string): number {
  return numberOf(parseField(text, "Min-SE").value, "Min-SE");
}
