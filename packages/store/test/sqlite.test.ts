import { describe } from "vitest";
import { openStore, type Store } from "../src/index.ts";
import { administration } from "./conformance/administration.ts";
import { audit } from "./conformance/audit.ts";
import { blocks } from "./conformance/blocks.ts";

const open = (): Promise<Store> => openStore({ sqlite: ":memory:" });

describe("SQLite", () => {
  describe("blocks", () => blocks(open));
  describe("administration", () => administration(open));
  describe("audit", () => audit(open));
});
