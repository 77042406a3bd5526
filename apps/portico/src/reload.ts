import type { PortalConfig } from "./config/schema.ts";

/** What became of a configuration that was read again. */
export interface Reloaded {
  /** Settings that are in force now. */
  readonly applied: readonly string[];
  /** Settings that have changed and need a restart: until then the portal keeps the old ones. */
  readonly restart: readonly string[];
}

/**
 * Puts one setting in force, without ending anything.
 * @returns false when this change of it needs a restart
 * @throws Error when it cannot: then nothing of it is in force
 */
export type Apply = (next: PortalConfig) => boolean | Promise<boolean>;

/** Keeps the configuration in force, and brings it to what the file says now. */
export class Reload {
  readonly #appliers: ReadonlyMap<string, Apply>;
  #current: PortalConfig;
  #running: Promise<unknown> = Promise.resolve();

  /** @param appliers by setting, the most exact one first: `listen.trustedProxies` before `listen` */
  constructor(current: PortalConfig, appliers: Readonly<Record<string, Apply>>) {
    this.#current = current;
    this.#appliers = new Map(Object.entries(appliers));
  }

  /** One at a time: two signals are two changes, one after the other. */
  to(config: PortalConfig): Promise<Reloaded> {
    const done = this.#running.then(() => this.#apply(config));
    this.#running = done.catch(() => undefined);
    return done;
  }

  async #apply(next: PortalConfig): Promise<Reloaded> {
    const changed = changesBetween(this.#current, next);
    const applied: string[] = [];
    for (const [setting, apply] of this.#appliers) {
      if (!changed.some((path) => isUnder(path, setting))) continue;
      if (!(await apply(next))) continue;
      applied.push(setting);
      this.#current = withSetting(this.#current, next, setting);
    }
    const restart = changed.filter((path) => !applied.some((setting) => isUnder(path, setting)));
    return { applied, restart };
  }
}

const isUnder = (path: string, setting: string): boolean => path === setting || path.startsWith(`${setting}.`);

/** Paths of the smallest settings that differ; a list is one setting. */
export function changesBetween(before: unknown, after: unknown, path = ""): string[] {
  // A group that is absent is one in which every setting is absent.
  const [a, b] = [before ?? {}, after ?? {}];
  if (before !== after && isGroup(a) && isGroup(b)) {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
      changesBetween(a[key], b[key], path === "" ? key : `${path}.${key}`),
    );
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [path];
}

const isGroup = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === "object" && !Array.isArray(value);

function withSetting(current: PortalConfig, next: PortalConfig, setting: string): PortalConfig {
  const [key = "", ...rest] = setting.split(".");
  const set = (into: unknown, from: unknown, [name, ...below]: readonly string[]): unknown => {
    if (name === undefined) return from;
    const group = isGroup(into) ? into : {};
    return { ...group, [name]: set(group[name], isGroup(from) ? from[name] : undefined, below) };
  };
  return set(current, next, [key, ...rest]) as PortalConfig;
}
