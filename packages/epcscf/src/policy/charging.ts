import type { Random } from "@portico/sip";

/** Creates P-Charging-Vector values (RFC 7315 §5.6, TS 24.229 §4.5): a new ICID for each call. */
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

  next(): string {
    this.#count += 1;
    const icid = `${this.#random.token(16)}-${this.#count}`;
    return `icid-value="${icid}";icid-generated-at=${this.#host};orig-ioi="Type 1${this.#network}"`;
  }
}
