import { describe } from "vitest";
import type { Store } from "../../src/index.ts";
import { administrationTests } from "./administration.ts";
import { auditTests } from "./audit.ts";
import { blocksTests } from "./blocks.ts";
import { callsTests } from "./calls.ts";
import { messagesTests } from "./messages.ts";
import { registrationsTests } from "./registrations.ts";
import { softStateTests } from "./softState.ts";

/** What every database has to do alike. @param open gives an empty one */
export function conformanceTests(open: () => Promise<Store>): void {
  describe("blocks", () => {
    blocksTests(open);
  });
  describe("administration", () => {
    administrationTests(open);
  });
  describe("calls", () => {
    callsTests(open);
  });
  describe("messages", () => {
    messagesTests(open);
  });
  describe("registrations and subscriptions", () => {
    softStateTests(open);
  });
  describe("registrations", () => {
    registrationsTests(open);
  });
  describe("audit", () => {
    auditTests(open);
  });
}
