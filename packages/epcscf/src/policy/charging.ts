import type { Random } from "@portico/sip";

/** Creates P-Charging-Vector values (RFC 7315 §5.6, TS 24.229 §4.5): a new ICID for each call, the same inside it. */
export class ChargingVectors {
  readonly #host: string;
  readonly #network: string;
  readonly #random: Random;
  #count = 0;

  constructor(options: { host: string; network: string; random: Random }) {
    this.#host = options.host;
    this.#network = options.network;
    this.#random = options.random;
  }

  /** For a request that starts something. */
  next(): string {
    return `${this.#fresh()};orig-ioi="Type 1${this.#network}"`;
  }

  /** For this node's requests in a dialog that the core has opened with this vector. */
  within(received: string | undefined): string {
    return `${icidOf(received) ?? this.#fresh()};orig-ioi="Type 1${this.#network}"`;
  }

  /** For this node's responses to a request with this vector. */
  answer(received: string | undefined): string {
    const originator = received === undefined ? undefined : /;\s*(orig-ioi=(?:"[^"]*"|[^;,\s]+))/i.exec(received)?.[1];
    const head = [icidOf(received) ?? this.#fresh(), ...(originator === undefined ? [] : [originator])].join(";");
    return `${head};term-ioi="Type 1${this.#network}"`;
  }

  #fresh(): string {
    this.#count += 1;
    return `icid-value="${this.#random.token(16)}-${this.#count}";icid-generated-at=${this.#host}`;
  }
}

/** The ICID of a received vector, with where it was made. */
function icidOf(vector = ""): string | undefined {
  const part = (name: string): string | undefined =>
    new RegExp(`(?:^|;)\\s*(${name}=(?:"[^"]*"|[^;,\\s]+))`, "i").exec(vector)?.[1];
  const icid = part("icid-value");
  const at = part("icid-generated-at");
  return icid === undefined || at === undefined ? icid : `${icid};${at}`;
}

/** The ICID itself, without quotes; empty where a vector has none. */
export function icidValue(vector: string): string {
  return /icid-value="?([^";,\s]*)/i.exec(vector)?.[1] ?? "";
}
