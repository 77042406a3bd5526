/** One message as it passed a lab element. */
export interface WireEntry {
  /** Milliseconds since the lab started. */
  readonly time: number;
  /** The element that received or sent it: "I-CSCF", "S-CSCF" or "telephones". */
  readonly at: string;
  readonly direction: "in" | "out";
  /** `address:port` */
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly octets: string;
}

const mostEntries = 5000;

/** Every SIP message in and out of the lab's elements, the latest 5000. A message between two elements shows twice. */
export class Wire {
  readonly #entries: WireEntry[] = [];
  readonly #start = performance.now();

  get entries(): readonly WireEntry[] {
    return this.#entries;
  }

  /** Notes a message; the lab does. */
  note(entry: Omit<WireEntry, "time">): void {
    this.#entries.push({ time: performance.now() - this.#start, ...entry });
    if (this.#entries.length > mostEntries) this.#entries.splice(0, this.#entries.length - mostEntries);
  }

  /** The messages that begin so, oldest first: `find("INVITE ", "S-CSCF", "in")`, `find("SIP/2.0 403")`. */
  find(start: string, at?: string, direction?: "in" | "out"): readonly WireEntry[] {
    return this.#entries.filter(
      (entry) =>
        entry.octets.startsWith(start) &&
        (at === undefined || entry.at === at) &&
        (direction === undefined || entry.direction === direction),
    );
  }

  /** Forgets what was noted. */
  clear(): void {
    this.#entries.length = 0;
  }

  /** One line a message: time, sender, receiver, start line. */
  ladder(): string {
    return this.#entries.map(ladderLine).join("\n");
  }
}

function ladderLine(entry: WireEntry): string {
  const time = entry.time.toFixed(1).padStart(9);
  const [start = ""] = entry.octets.split("\r\n", 1);
  const sequence = /^(?:cseq)[ \t]*:[ \t]*(.*)$/im.exec(entry.octets)?.[1] ?? "";
  const arrow = entry.direction === "in" ? `${entry.from} -> ${entry.at}` : `${entry.at} -> ${entry.to}`;
  const cseq = start.startsWith("SIP/2.0") ? ` (${sequence})` : "";
  return `${time} ${entry.protocol} ${arrow.padEnd(40)} ${start}${cseq}`;
}
