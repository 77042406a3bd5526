import type { Waf } from "@portico/waf";

/** Web origins of all tenants, kept as the tenants are. */
export class Origins {
  #known: ReadonlySet<string> = new Set();
  #stop: () => void = () => undefined;

  /** Reads them, and follows every change by whatever process. */
  static async follow(waf: Waf): Promise<Origins> {
    const origins = new Origins();
    const read = async (): Promise<void> => {
      const tenants = await waf.tenants.list();
      origins.#known = new Set(tenants.flatMap(({ document }) => document.origins));
    };
    origins.#stop = waf.tenants.onChanged(() => void read().catch(() => undefined));
    await read();
    return origins;
  }

  allows(origin: string): boolean {
    return this.#known.has(origin);
  }

  close(): void {
    this.#stop();
  }
}
