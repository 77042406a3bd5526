import { Readable } from "node:stream";
import type { Assignment, ListedEntry, Store, StoredEntry } from "@portico/store";
import { Type } from "typebox";
import { pageOf, placeOf } from "../cursor.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { AdminError } from "../errors.ts";
import { closed, defaultLimit, inTenant, named, oneOf, pageSchema, paging, tenantId, text } from "../fields.ts";
import { assignmentSchema, shownAssignment } from "./assignments.ts";

const count = (description: string) => Type.Integer({ minimum: 0, description });

const usage = named("BlockUsage", {
  size: count("Identities of all blocks of the tenant."),
  assigned: count("Held by a user."),
  resting: count("In quarantine, or waiting for a token or registration to end."),
  free: count("To be given away."),
  sessions: count("Live leases: web sessions."),
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
      return { body: await waf.usage(params.tenant) };
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
      return { body: { impu, items: mine.map((one: Assignment) => shownAssignment(one)) } };
    },
  }),
  endpoint({
    id: "exportEntries",
    method: "GET",
    path: "/tenants/{tenant}/entries/export",
    tag: "blocks",
    summary: "All identities of a tenant, one subscription each, for provisioning the HSS",
    params: inTenant,
    query: Type.Object({ format: Type.Optional(oneOf(["csv", "ndjson"], "Absent: csv (RFC 4180).")) }, closed),
    success: { status: 200, description: "As it is read.", types: ["text/csv", "application/x-ndjson"] },
    async handle({ store, now }, { params, query }) {
      const csv = query.format !== "ndjson";
      const lines = exported(store, params.tenant, now(), csv);
      return {
        stream: Readable.from(lines),
        headers: { "Content-Type": csv ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson" },
      };
    },
  }),
];

async function* exported(store: Store, tenant: string, now: number, csv: boolean): AsyncGenerator<string> {
  if (csv) yield "tenant,impi,impu,alias\r\n";
  let page: ListedEntry[];
  let after: string | undefined;
  do {
    page = await store.blocks.page(tenant, { now, limit: 500, ...(after === undefined ? {} : { after }) });
    if (page.length > 0) yield page.map(csv ? csvLine : jsonLine).join("");
    after = page.at(-1)?.impu;
  } while (after !== undefined);
}

/** Ids, host names and numbers hold no comma and no quote. */
const csvLine = ({ tenant, impi, impu, tel }: StoredEntry): string =>
  `${tenant},${impi},${impu},${tel === undefined ? "" : `tel:${tel}`}\r\n`;
const jsonLine = ({ tenant, impi, impu, tel, block }: StoredEntry): string =>
  `${JSON.stringify({ tenant, block, impi, impu, tel })}\n`;

function shownEntry({ impu, impi, tel, block, ordinal, source, state }: ListedEntry, withImpi: boolean) {
  return { impu, ...(withImpi ? { impi } : {}), ...(tel === undefined ? {} : { tel }), block, ordinal, source, state };
}
