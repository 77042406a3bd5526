import { describe } from "vitest";
import { openStore } from "../src/index.ts";
import { conformanceTests } from "./conformance/index.ts";

describe("SQLite", () => {
  conformanceTests(() => openStore({ sqlite: ":memory:" }));
});
