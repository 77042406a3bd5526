import { Readable } from "node:stream";
import type { ListedEntry } from "@portico/store";
import { Type } from "typebox";
import { pageOf, placeOf } from "../cursor.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import { closed, defaultLimit, inTenant, named, oneOf, pageSchema, paging, tenantId, text } from "../fields.ts";
import { assignmentSchema, shownAssignment } from "./assignments.ts";

const count = (description: string) => Type.Integer({ minimum: 0, description });

const counts = {
  size: count("Identities."),
  assigned: count("Held by a user."),
  resting: count("In quarantine, or waiting for a token or registration to end."),
  free: count("To be given away."),
};
const usage = named("BlockUsage", {
  ...counts,
  sessions: count("Live leases of the tenant: web sessions."),
  blocks: Type.Array(
    named("UseOfBlock", {
      id: text(32),
      ...counts,
      usedPercent: count("Share that is not free, rounded down."),
      warnAtPercent: count("Use at which an event tells that it runs out."),
    }),
  ),
});

const states = ["free", "held", "resting", "withdrawn"] as const;
const entry = named("Entry", {
  impu: text(255),
  impi: Type.Optional(text(255, "Private user identity; for operators alone.")),
  tel: Type.Optional(text(16, "E.164 number with +.")),
  block: text(32, "Id of the block."),
  ordinal: Type.Integer({ minimum: 1, description: "Place in the block." }),
  source: oneOf(["file", "api"]),
  state: oneOf(states),
});
const history = named("EntryHistory", {
  impu: text(255),
  items: Type.Array(assignmentSchema, { description: "All holders, latest first, 1000 at most." }),
});

const ofEntry = Type.Object({ tenant: tenantId, impu: text(255, "Public user identity.") }, closed);

export const entryEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "getBlockUsage",
    method: "GET",
    path: "/tenants/{tenant}/blocks/usage",
    tag: "blocks",
    summary: "How full the blocks of a tenant are",
    params: inTenant,
    success: { status: 200, description: "The counts.", body: usage },
    async handle({ waf }, { params }) {
      const blocks = await waf.blocks.usage(params.tenant);
      return { body: { ...(await waf.usage(params.tenant)), blocks } };
    },
  }),
  endpoint({
    id: "listEntries",
    method: "GET",
    path: "/tenants/{tenant}/entries",
    tag: "blocks",
    summary: "Identities of a tenant, by block and place",
    params: inTenant,
    query: Type.Object(
      {
        ...paging,
        block: Type.Optional(text(32, "Only those of this block.")),
        state: Type.Optional(oneOf(states, "Absent: all but the withdrawn.")),
      },
      closed,
    ),
    success: { status: 200, description: "A page of identities.", body: pageSchema("Entry", entry) },
    async handle({ store, now }, { principal, params, query }) {
      const limit = query.limit ?? defaultLimit;
      const [after] = placeOf("entries", query.cursor, ["string"]) ?? [];
      const { block, state } = query;
      const found = await store.blocks.page(params.tenant, {
        now: now(),
        limit: limit + 1,
        ...(after === undefined ? {} : { after }),
        ...(block === undefined ? {} : { block }),
        ...(state === undefined ? {} : { state }),
      });
      const show = (one: ListedEntry) => shownEntry(one, principal.role === "operator");
      return { body: pageOf("entries", found, limit, { place: (one) => [one.impu], show }) };
    },
  }),
  endpoint({
    id: "getEntryHistory",
    method: "GET",
    path: "/tenants/{tenant}/entries/{impu}/history",
    tag: "blocks",
    summary: "Who held an identity from when to when",
    params: ofEntry,
    success: { status: 200, description: "The holders.", body: history },
    async handle({ waf }, { params: { tenant, impu } }) {
      // The identity may have been another tenant's before, or be withdrawn by now.
      const mine = (await waf.history(impu)).filter((one) => one.tenant === tenant);
      if (mine.length === 0 && (await waf.block.find(impu))?.tenant !== tenant) throw new AdminError("not_found");
      return { body: { impu, items: mine.map(shownAssignment) } };
    },
  }),
  endpoint({
    id: "exportEntries",
    method: "GET",
    path: "/tenants/{tenant}/entries/export",
    tag: "blocks",
    summary: "All identities of a tenant, one subscription each, for provisioning the HSS",
    params: inTenant,
    query: Type.Object({ format: Type.Optional(oneOf(["csv", "json"], "Absent: csv (RFC 4180).")) }, closed),
    success: { status: 200, description: "As it is read.", types: ["text/csv", "application/json"] },
    async handle({ waf }, { params: { tenant }, query: { format = "csv" } }) {
      const type = format === "csv" ? "text/csv; charset=utf-8; header=present" : "application/json";
      return { stream: Readable.from(waf.blocks.export(format, { tenant })), headers: { "Content-Type": type } };
    },
  }),
  endpoint({
    id: "importEntries",
    method: "POST",
    path: "/tenants/{tenant}/blocks/{block}/entries",
    tag: "blocks",
    summary: "Add identities to a block: all, or none when a row is wrong, and every wrong row is told",
    description:
      "JSON: an array of objects with impu, impi and tel. CSV: the same as columns, or as the export writes it. In errors, " +
      "/row/7 is line 7 of a CSV.",
    params: Type.Object({ tenant: tenantId, block: text(32, "Id of a block.") }, closed),
    body: Type.Array(Type.Unknown(), { maxItems: 100_000 }),
    textType: "text/csv",
    bodyLimit: 16 * 1024 * 1024,
    success: {
      status: 200,
      description: "How many were added.",
      body: named("ImportReport", { added: Type.Integer({ minimum: 0 }) }),
    },
    problems: ["unusable"],
    async handle({ waf }, { principal, params: { tenant, block }, body }) {
      const given: unknown = body;
      const [format, rows] =
        typeof given === "string" ? (["csv", given] as const) : (["json", JSON.stringify(given)] as const);
      return { body: { added: await waf.blocks.import(tenant, block, rows, { by: principal.actor, format }) } };
    },
  }),
  endpoint({
    id: "withdrawEntries",
    method: "POST",
    path: "/tenants/{tenant}/entries/withdraw",
    tag: "blocks",
    summary: "Take imported identities out of their block; whoever holds one loses it first",
    params: inTenant,
    body: named("EntriesToWithdraw", { impus: Type.Array(text(255), { minItems: 1, maxItems: 10_000 }) }),
    success: {
      status: 200,
      description: "How many were in a block of the tenant.",
      body: named("WithdrawReport", { withdrawn: Type.Integer({ minimum: 0 }) }),
    },
    problems: ["state_conflict"],
    async handle({ waf }, { principal, params, body }) {
      return { body: { withdrawn: await waf.blocks.withdraw(params.tenant, body.impus, { by: principal.actor }) } };
    },
  }),
];

function shownEntry({ impu, impi, tel, block, ordinal, source, state }: ListedEntry, withImpi: boolean) {
  return { impu, ...(withImpi ? { impi } : {}), ...(tel === undefined ? {} : { tel }), block, ordinal, source, state };
}
