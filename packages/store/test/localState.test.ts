import { describe } from "vitest";
import { openSharedState } from "../src/index.ts";
import { sharedStateTests } from "./conformance/sharedState.ts";

describe("shared state in one process", () => {
  sharedStateTests(async () => {
    const state = await openSharedState();
    return [state, state];
  });
});
