import { WafError } from "../errors.ts";

/** An application/x-www-form-urlencoded body, each parameter at most once (RFC 6749 §3.2). */
export class Form {
  readonly #values = new Map<string, string>();

  /** @throws WafError `request_malformed` */
  constructor(body: string) {
    for (const [name, value] of new URLSearchParams(body)) {
      if (this.#values.has(name)) throw new WafError("request_malformed", "a parameter is repeated");
      if (this.#values.size >= 32) throw new WafError("request_malformed", "more than 32 parameters");
      // RFC 6749 §3.2: a parameter without a value counts as left out.
      if (value !== "") this.#values.set(name, value);
    }
  }

  /** @throws WafError `request_malformed` when longer than `longest` characters */
  get(name: string, longest = 16_384): string | undefined {
    const value = this.#values.get(name);
    if (value !== undefined && value.length > longest) {
      throw new WafError("request_malformed", `${name} is longer than ${longest} characters`);
    }
    return value;
  }

  /** @throws WafError `request_malformed` when absent or too long */
  need(name: string, longest?: number): string {
    const value = this.get(name, longest);
    if (value === undefined) throw new WafError("request_malformed", `${name} is missing`);
    return value;
  }

  /** @throws WafError `request_malformed` when present with another value */
  fixed(name: string, value: string): void {
    const given = this.get(name);
    if (given !== undefined && given !== value) throw new WafError("request_malformed", `${name} must be ${value}`);
  }
}
