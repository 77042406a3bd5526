/**
 * Header fields that have a number of their own, in lower case, with the compact form where there is one
 * (the IANA registry of SIP header fields).
 */
const known: readonly (readonly [name: string, compact?: string])[] = [
  ["via", "v"],
  ["from", "f"],
  ["to", "t"],
  ["call-id", "i"],
  ["cseq"],
  ["max-forwards"],
  ["content-length", "l"],
  ["content-type", "c"],
  ["contact", "m"],
  ["route"],
  ["record-route"],
  ["expires"],
  ["supported", "k"],
  ["require"],
  ["proxy-require"],
  ["allow"],
  ["authorization"],
  ["path"],
  ["service-route"],
  ["p-asserted-identity"],
  ["p-preferred-identity"],
  ["p-associated-uri"],
  ["p-access-network-info"],
  ["p-charging-vector"],
  ["p-visited-network-id"],
  ["user-agent"],
  ["accept"],
  ["subject", "s"],
  ["content-encoding", "e"],
  ["event", "o"],
  ["allow-events", "u"],
  ["refer-to", "r"],
  ["referred-by", "b"],
  ["session-expires", "x"],
  ["min-se"],
  ["accept-contact", "a"],
  ["reject-contact", "j"],
  ["request-disposition", "d"],
  ["identity", "y"],
  ["identity-info", "n"],
  ["reason"],
  ["rseq"],
  ["rack"],
  ["privacy"],
  ["timestamp"],
];

const slotMask = 511;
const slots = new Int16Array(slotMask + 1);
const names: string[] = [""];
/** Spellings that callers use, to spare the scan: lower case, the usual capitals, the compact form. */
const spellings = new Map<string, number>();

/** Length and three letters tell nearly all names apart; the comparison that follows tells the rest. */
function firstSlot(text: string, from: number, to: number): number {
  const first = text.charCodeAt(from) | 0x20;
  const middle = text.charCodeAt((from + to) >> 1) | 0x20;
  const last = text.charCodeAt(to - 1) | 0x20;
  return (Math.imul(to - from, 37) + Math.imul(first, 19) + Math.imul(middle, 71) + last) & slotMask;
}

const guesses = new Uint8Array(512);

function guessSlot(text: string, from: number): number {
  const first = text.charCodeAt(from) | 0x20;
  const third = text.charCodeAt(from + 2) | 0x20;
  return (Math.imul(first, 13) + Math.imul(text.charCodeAt(from + 4) | 0x20, 5) + third) & 511;
}

/**
 * Compares the name at `from`, up to its colon, with the one its letters let expect.
 * @returns its length, times 256, plus the header's number; 0 when it is another name, which says nothing
 */
export function guessedName(text: string, from: number): number {
  const entry = guesses[guessSlot(text, from)] ?? 0;
  if (entry === 0) return 0;
  const name = names[entry] ?? "";
  for (let i = 0; i < name.length; i++) if ((text.charCodeAt(from + i) | 0x20) !== name.charCodeAt(i)) return 0;
  return text.charCodeAt(from + name.length) === 58 ? (name.length << 8) | (ids[entry] ?? 0) : 0;
}

function insert(name: string, id: number): void {
  const guess = guessSlot(`${name}: <s`, 0);
  // Frequent names stand first in the table.
  if (name.length > 1) guesses[guess] ||= names.length;
  let slot = firstSlot(name, 0, name.length);
  while (slots[slot] !== 0) slot = (slot + 1) & slotMask;
  slots[slot] = names.length;
  names.push(name);
  ids.push(id);
  spellings.set(name, id);
  spellings.set(
    name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()),
    id,
  );
}

const ids: number[] = [0];
for (const [index, [name, compact]] of known.entries()) {
  insert(name, index + 1);
  if (compact !== undefined) insert(compact, index + 1);
}
for (const [spelling, name] of [
  ["Call-ID", "call-id"],
  ["CSeq", "cseq"],
  ["RSeq", "rseq"],
  ["RAck", "rack"],
  ["Min-SE", "min-se"],
  ["P-Associated-URI", "p-associated-uri"],
  ["P-Visited-Network-ID", "p-visited-network-id"],
] as const)
  spellings.set(spelling, spellings.get(name) ?? 0);

/** Number of a header field by any spelling of its name, compact form included; 0 when it has none. */
export function headerId(name: string): number {
  return spellings.get(name) ?? spellings.get(name.toLowerCase()) ?? 0;
}

/** True when `text` from `from` to `to` is `lower`, whatever its capitals. Right for names made of token characters. */
export function sameName(text: string, from: number, to: number, lower: string): boolean {
  if (to - from !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    const char = text.charCodeAt(from + i);
    const small = char >= 65 && char <= 90 ? char | 0x20 : char;
    if (small !== lower.charCodeAt(i)) return false;
  }
  return true;
}

/** Number of the header field whose name, all token characters, stands in `text` from `from` to `to`; 0 when it has none. */
export function headerIdAt(text: string, from: number, to: number): number {
  for (let slot = firstSlot(text, from, to); ; slot = (slot + 1) & slotMask) {
    const entry = slots[slot] ?? 0;
    if (entry === 0) return 0;
    if (equalsName(text, from, to, names[entry] ?? "")) return ids[entry] ?? 0;
  }
}

/** As {@link sameName}, for token characters alone: with them the bit of the capitals tells no other two apart. */
function equalsName(text: string, from: number, to: number, lower: string): boolean {
  if (to - from !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) if ((text.charCodeAt(from + i) | 0x20) !== lower.charCodeAt(i)) return false;
  return true;
}

/** Numbers that the package itself asks for. */
export const header: {
  readonly via: number;
  readonly from: number;
  readonly to: number;
  readonly callId: number;
  readonly cseq: number;
  readonly maxForwards: number;
  readonly contentLength: number;
  readonly contentType: number;
  readonly contact: number;
  readonly route: number;
  readonly recordRoute: number;
} = {
  via: headerId("via"),
  from: headerId("from"),
  to: headerId("to"),
  callId: headerId("call-id"),
  cseq: headerId("cseq"),
  maxForwards: headerId("max-forwards"),
  contentLength: headerId("content-length"),
  contentType: headerId("content-type"),
  contact: headerId("contact"),
  route: headerId("route"),
  recordRoute: headerId("record-route"),
};
