import { describe } from "vitest";
import { openStore, type Store } from "../src/index.ts";

/** Runs the same tests on every database that the store knows. */
export function describeOnEach(title: string, tests: (open: () => Promise<Store>) => void): void {
  describe(`${title} on SQLite`, () => {
    tests(() => openStore({ sqlite: ":memory:" }));
  });
}
