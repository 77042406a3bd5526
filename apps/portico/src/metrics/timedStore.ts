import type { Store } from "@portico/store";

/** Told of every operation: table, or `store` for a transaction; name; seconds. */
export type StoreObserver = (table: string, operation: string, seconds: number) => void;

/** A store whose operations are timed, those of its transactions too. */
export function timedStore(store: Store, observe: StoreObserver): Store {
  return timed("store", store, observe, (name, value) =>
    name === "transaction" ? transaction(store, observe) : tableOr(name, value, observe),
  );
}

function transaction(store: Store, observe: StoreObserver): Store["transaction"] {
  return async (work) => {
    const start = performance.now();
    try {
      return await store.transaction((tables) =>
        work(timed("transaction", tables, observe, (name, value) => tableOr(name, value, observe))),
      );
    } finally {
      observe("store", "transaction", (performance.now() - start) / 1000);
    }
  };
}

const tableOr = (name: string, value: unknown, observe: StoreObserver): unknown =>
  value !== null && typeof value === "object" ? timed(name, value, observe, (_, member) => member) : value;

/** `inner` gives members that are timed by themselves. */
function timed<T extends object>(
  table: string,
  target: T,
  observe: StoreObserver,
  inner: (name: string, value: unknown) => unknown,
): T {
  const known = new Map<string | symbol, unknown>();
  return new Proxy(target, {
    get(_, name) {
      if (known.has(name)) return known.get(name);
      const value = Reflect.get(target, name) as unknown;
      const given = typeof name === "string" ? inner(name, value) : value;
      const member =
        given === value && typeof value === "function"
          ? timedMethod(table, String(name), value as Method, target, observe)
          : given;
      known.set(name, member);
      return member;
    },
  });
}

type Method = (...args: unknown[]) => unknown;

function timedMethod(table: string, name: string, method: Method, self: object, observe: StoreObserver): Method {
  return (...args) => {
    const start = performance.now();
    const note = (): void => observe(table, name, (performance.now() - start) / 1000);
    const result = method.apply(self, args);
    return result instanceof Promise ? result.finally(note) : result;
  };
}
