/** Parameters of a=fmtp by lower-case name, values lower-case too. */
export type FormatParameters = ReadonlyMap<string, string>;

/** How the parameters of one encoding take part in offer and answer. */
export interface FormatRule {
  /** What makes two formats of the name different ones, and what is meant where it is not written. */
  distinct: Readonly<Record<string, string>>;
  /** What both sides have to say alike when both say it: an answer repeats the offer's. */
  common?: readonly string[];
}

/** RFC 4867 §8.3.1: these are never negotiated, and an answer returns an offered mode-set as it is. */
const amr: FormatRule = {
  distinct: { "octet-align": "0", crc: "0", "robust-sorting": "0", interleaving: "" },
  common: ["mode-set"],
};

/**
 * Encodings whose parameters tell formats apart. Those of all others say what a side likes to receive and bind nobody:
 * Opus (RFC 7587 §7.1), VP8 (RFC 7741 §6.2), telephone-event (RFC 4733 §2.4.1); G.711 and G.722 have none.
 */
const rules: ReadonlyMap<string, FormatRule> = new Map<string, FormatRule>([
  ["amr", amr],
  ["amr-wb", amr],
  // 3GPP TS 26.445 annex A.3.1: both hold for both directions; rates and bandwidths are ranges to narrow.
  ["evs", { distinct: { "hf-only": "0", "evs-mode-switch": "0" } }],
  // RFC 6184 §8.1: no profile-level-id means Baseline, level 1.
  ["h264", { distinct: { "packetization-mode": "0", "profile-level-id": "42000a" } }],
  // RFC 9628 §6.1, RFC 3952 §5
  ["vp9", { distinct: { "profile-id": "0" } }],
  ["ilbc", { distinct: { mode: "30" } }],
]);

/** The rule of an encoding; undefined where parameters tell nothing apart. */
export function ruleOf(name: string): FormatRule | undefined {
  return rules.get(name.toLowerCase());
}

/** Whether formats with these parameters are one and the same by a rule. */
export function sameFormat(rule: FormatRule, a: FormatParameters, b: FormatParameters): boolean {
  for (const key in rule.distinct) {
    const usual = rule.distinct[key] ?? "";
    if (!sameValue(key, a.get(key) ?? usual, b.get(key) ?? usual)) return false;
  }
  return (rule.common ?? []).every((key) => {
    const [mine, theirs] = [a.get(key), b.get(key)];
    return mine === undefined || theirs === undefined || sameSet(mine, theirs);
  });
}

/** Reads the "name=value" pairs of an a=fmtp line; what is no such pair, as in "0-15", is left out. */
export function readParameters(fmtp: string | undefined): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of fmtp?.split(";") ?? []) {
    const equals = part.indexOf("=");
    const name = part.slice(0, equals).trim().toLowerCase();
    if (equals > 0 && !parameters.has(name))
      parameters.set(
        name,
        part
          .slice(equals + 1)
          .trim()
          .toLowerCase(),
      );
  }
  return parameters;
}

function sameValue(key: string, a: string, b: string): boolean {
  return key === "profile-level-id" ? h264Profile(a) === h264Profile(b) : a === b;
}

function sameSet(a: string, b: string): boolean {
  const [left, right] = [new Set(a.split(",")), new Set(b.split(","))];
  return left.size === right.size && [...left].every((one) => right.has(one));
}

/**
 * The profile of a profile-level-id, with constraint flags that say the same written alike (RFC 6184 §8.1, table 5). Its
 * last two digits, the level, may differ (§8.2.2).
 */
function h264Profile(id: string): string {
  const profile = id.slice(0, 2);
  const flags = Number.parseInt(id.slice(2, 4), 16);
  const has = (mask: number): boolean => (flags & mask) === mask;
  if (profile === "42") return has(0x40) ? "constrained baseline" : "baseline";
  if (profile === "4d") return has(0x80) ? "constrained baseline" : "main";
  if (profile === "58" && has(0x80)) return has(0x40) ? "constrained baseline" : "baseline";
  return id.slice(0, 4);
}
