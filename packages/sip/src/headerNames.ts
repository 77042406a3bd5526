import { bytes, small } from "./bytes.ts";
import { charColon } from "./scan.ts";

/**
 * Header fields that have a number of their own, in lower case, with the compact form where there is one
 * (the IANA registry of SIP header fields): those with a compact form, and those that are read or written most.
 */
const known =
  "via/v from/f to/t call-id/i cseq max-forwards content-length/l content-type/c contact/m route " +
  "record-route expires supported/k require allow authorization p-asserted-identity " +
  "p-preferred-identity accept subject/s content-encoding/e event/o allow-events/u " +
  "refer-to/r referred-by/b session-expires/x accept-contact/a reject-contact/j request-disposition/d " +
  "identity/y identity-info/n privacy";

/** By lower case and compact form, and by the spellings that callers use, to spare them the change of case. */
const spellings = new Map<string, number>();
/** Number of names, one more: none has the number 0. */
let count = 1;
const ids = new Uint8Array(64);
/** Names by some of their letters: the first of each slot, and after each name the next of its slot. */
const firsts = new Uint8Array(512);
const nexts = new Uint8Array(64);
/** The names one after another, each with its colon, and where each begins. */
const spelled = new Uint8Array(1024);
const begins: number[] = [0, 0];

function slot(first: number, third: number, fifth: number): number {
  return (Math.imul(first | 0x20, 13) + Math.imul(fifth | 0x20, 5) + (third | 0x20)) & 511;
}

/**
 * Looks the name at `at` in {@link bytes} up by its letters. All names of more than three are found.
 * @returns its length, times 256, plus the header's number; 0 when it is none of these, or no colon follows at once
 */
export function nameAt(at: number): number {
  let entry = firsts[slot(bytes[at] ?? 0, bytes[at + 2] ?? 0, bytes[at + 4] ?? 0)] ?? 0;
  for (; entry !== 0; entry = nexts[entry] ?? 0) {
    const begin = begins[entry] ?? 0;
    const size = (begins[entry + 1] ?? 0) - begin - 1;
    let i = 0;
    while (i < size && small(bytes[at + i] ?? 0) === spelled[begin + i]) i++;
    if (i === size && bytes[at + size] === charColon) return (size << 8) | (ids[entry] ?? 0);
  }
  return 0;
}

function insert(name: string, id: number): void {
  const text = `${name}: <s`;
  const place = slot(text.charCodeAt(0), text.charCodeAt(2), text.charCodeAt(4));
  // Compact forms are few letters for a slot, and rare.
  if (name.length > 1) {
    // Frequent names stand first in the table: each goes behind those of its slot.
    let last = firsts[place] ?? 0;
    while (nexts[last] !== 0) last = nexts[last] ?? 0;
    if (last === 0) firsts[place] = count;
    else nexts[last] = count;
  }
  const begin = begins[count] ?? 0;
  for (let i = 0; i < name.length; i++) spelled[begin + i] = name.charCodeAt(i);
  begins.push(begin + name.length + 1);
  ids[count++] = id;
  spellings.set(name, id);
  spellings.set(
    name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()),
    id,
  );
}

for (const [index, spelling] of known.split(" ").entries())
  for (const name of spelling.split("/")) insert(name, index + 1);
spellings.set("Call-ID", 4).set("CSeq", 5);

/** Number of a header field by any spelling of its name, compact form included; 0 when it has none. */
export function headerId(name: string): number {
  return spellings.get(name) ?? spellings.get(name.toLowerCase()) ?? 0;
}

/** True when `text` from `from` to `to` is `lower`, whatever its capitals. Right for names made of token characters. */
export function sameName(text: string, from: number, to: number, lower: string): boolean {
  if (to - from !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    const char = text.charCodeAt(from + i);
    const letter = char >= 65 && char <= 90 ? char | 0x20 : char;
    if (letter !== lower.charCodeAt(i)) return false;
  }
  return true;
}

// Numbers that the package itself asks for: places in the table above.
export const idVia = 1;
export const idFrom = 2;
export const idTo = 3;
export const idCallId = 4;
export const idCseq = 5;
export const idMaxForwards = 6;
export const idContentLength = 7;
export const idContentType = 8;
export const idContact = 9;
export const idRoute = 10;
export const idRecordRoute = 11;
