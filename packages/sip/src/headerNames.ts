import { bytes, small } from "./bytes.ts";
import { charColon } from "./scan.ts";

/**
 * Header fields that have a number of their own, with the compact form where there is one
 * (the IANA registry of SIP header fields): those with a compact form, and those that are read or written most.
 */
const known =
  "Via/v From/f To/t Call-ID/i CSeq Max-Forwards Content-Length/l Content-Type/c Contact/m Route " +
  "Record-Route Expires Supported/k Require Allow Authorization P-Asserted-Identity " +
  "P-Preferred-Identity Accept Subject/s Content-Encoding/e Event/o Allow-Events/u " +
  "Refer-To/r Referred-By/b Session-Expires/x Accept-Contact/a Reject-Contact/j Request-Disposition/d " +
  "Identity/y Identity-Info/n Privacy";

/** By lower case and compact form, and by the spellings that callers use, to spare them the change of case. */
const spellings = new Map<string, number>();
/** Number of names, one more: none has the number 0. */
let count = 1;
const ids = new Uint8Array(64);
/** Names by some of their letters: the first of each slot, and after each name the next of its slot. */
const firsts = new Uint8Array(512);
const nexts = new Uint8Array(64);
/** The names one after another, where each begins, and how long it is. */
const spelled = new Uint8Array(1024);
const begins = new Uint16Array(64);
const sizes = new Uint8Array(64);
let end = 0;

// Names of this module's own: plain.ts tells why.
const input = bytes;

function slot(first: number, third: number, fifth: number): number {
  return (Math.imul(first | 0x20, 13) + Math.imul(fifth | 0x20, 5) + (third | 0x20)) & 511;
}

/**
 * Looks the name at `at` in {@link bytes} up by its letters. All names of more than three are found.
 * @returns its length, times 256, plus the header's number; 0 when it is none of these, or no colon follows at once
 */
export function nameAt(at: number): number {
  let entry = firsts[slot(input[at] ?? 0, input[at + 2] ?? 0, input[at + 4] ?? 0)] ?? 0;
  for (; entry !== 0; entry = nexts[entry] ?? 0) {
    const begin = begins[entry] ?? 0;
    const size = sizes[entry] ?? 0;
    let i = 0;
    // As nearly everybody writes it, else in other capitals.
    while (i < size && input[at + i] === spelled[begin + i]) i++;
    while (i < size && small(input[at + i] ?? 0) === small(spelled[begin + i] ?? 0)) i++;
    if (i === size && input[at + size] === charColon) return (size << 8) | (ids[entry] ?? 0);
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
  begins[count] = end;
  sizes[count] = name.length;
  for (const letter of name) spelled[end++] = letter.charCodeAt(0);
  ids[count++] = id;
  spellings.set(name, id).set(name.toLowerCase(), id);
}

for (const [index, spelling] of known.split(" ").entries())
  for (const name of spelling.split("/")) insert(name, index + 1);

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
