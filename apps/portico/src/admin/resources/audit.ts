import { createPublicKey } from "node:crypto";
import { Readable } from "node:stream";
import {
  type AuditFilter,
  type AuditLink,
  type AuditRecord,
  type Checkpoint,
  makeCheckpoint,
  type Store,
  verifyAudit,
} from "@portico/store";
import { type Static, Type } from "typebox";
import { pageOf, placeOf } from "../cursor.ts";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { at, closed, defaultLimit, instant, named, oneOf, pageSchema, paging, tenantId, text } from "../fields.ts";
import { tenantWithin } from "../scope.ts";

const seq = Type.Integer({ minimum: 1, description: "Place in its chain, from 1 without gaps." });
const hash = text(64, "SHA-256, base64url.");
const chain = Type.Optional(
  Type.String({
    ...tenantId,
    description: "Whose chain; absent: the operator's own, for a tenant-admin that of its tenant.",
  }),
);

const recordSchema = named("AuditRecord", {
  tenant: Type.Optional(tenantId),
  seq,
  at: instant(),
  actor: text(300, "key:ID, oidc:SUBJECT, client:ID or a part of the portal."),
  action: text(100),
  subject: text(2048, "What it was done to."),
  person: Type.Optional(text(1024, "Key of the user it concerns; absent once erased.")),
  detail: Type.Record(Type.String(), Type.Unknown()),
  previous: Type.String({ description: "Hash of the record before." }),
  hash,
});

const checkpoint = named("AuditCheckpoint", {
  tenant: Type.Optional(tenantId),
  seq: Type.Integer({ minimum: 0 }),
  hash: Type.String({ maxLength: 64 }),
  at: instant(),
  signature: Type.String({ maxLength: 128, description: "Ed25519, base64url." }),
});

const span = {
  from: Type.Optional(instant("First instant.")),
  until: Type.Optional(instant("First instant after.")),
};

export const auditEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "searchAudit",
    method: "GET",
    path: "/audit",
    tag: "audit",
    summary: "Records of one chain of the audit, newest first",
    query: Type.Object(
      {
        ...paging,
        tenant: chain,
        actor: Type.Optional(text(300)),
        action: Type.Optional(text(100)),
        subject: Type.Optional(text(2048, "For example an IMPU.")),
        ...span,
      },
      closed,
    ),
    success: { status: 200, description: "A page of records.", body: pageSchema("AuditRecord", recordSchema) },
    async handle({ store }, { scope, query }) {
      const limit = query.limit ?? defaultLimit;
      const tenant = tenantWithin(scope, query.tenant);
      const [before] = placeOf("audit", query.cursor, ["number"]) ?? [];
      const { actor, action, subject } = query;
      const filter: AuditFilter = {
        ...(before === undefined ? {} : { before }),
        ...(actor === undefined ? {} : { actor }),
        ...(action === undefined ? {} : { action }),
        ...(subject === undefined ? {} : { subject }),
        ...spanOf(query),
      };
      const found = await store.audit.page(tenant, limit + 1, filter);
      return { body: pageOf("audit", found, limit, { place: (one) => [one.seq], show: shownRecord }) };
    },
  }),
  endpoint({
    id: "exportAudit",
    method: "GET",
    path: "/audit/export",
    tag: "audit",
    summary: "A whole chain, oldest first, with all that is needed to verify it elsewhere",
    query: Type.Object({ tenant: chain }, closed),
    success: { status: 200, description: "One JSON object a line.", types: ["application/x-ndjson"] },
    async handle({ store }, { scope, query }) {
      const lines = chainLines(store, tenantWithin(scope, query.tenant));
      return { stream: Readable.from(lines), headers: { "Content-Type": "application/x-ndjson" } };
    },
  }),
  endpoint({
    id: "verifyAudit",
    method: "POST",
    path: "/audit/verify",
    tag: "audit",
    reads: true,
    summary: "Verify the chains, and that they agree with checkpoints kept elsewhere",
    body: named("AuditVerification", { checkpoints: Type.Array(checkpoint, { maxItems: 10_000 }) }),
    bodyLimit: 4 * 1024 * 1024,
    success: {
      status: 200,
      description: "The verdict.",
      body: named("AuditVerdict", {
        valid: Type.Boolean(),
        chains: Type.Integer({ minimum: 0 }),
        records: Type.Integer({ minimum: 0 }),
        faults: Type.Array(
          named("AuditFault", {
            tenant: Type.Optional(tenantId),
            seq: Type.Integer({
              minimum: 0,
              description: "Place in its chain; 0: a checkpoint before its first record.",
            }),
            what: oneOf(["missing", "changed", "person", "truncated", "replaced", "signature"]),
          }),
          { description: "The first of each chain." },
        ),
      }),
    },
    async handle({ store, auditKey }, { scope, body }) {
      const given = body.checkpoints.map((one) => ({ ...one, tenant: one.tenant, at: Date.parse(one.at) }));
      const mine = scope === "all" ? given : given.filter(({ tenant }) => tenant === scope.tenant);
      const only = scope === "all" ? undefined : scope.tenant;
      const verdict = await verifyAudit(store, mine, createPublicKey(auditKey), only);
      return { body: { valid: verdict.faults.length === 0, ...verdict } };
    },
  }),
  endpoint({
    id: "listCheckpoints",
    method: "GET",
    path: "/audit/checkpoints",
    tag: "audit",
    summary: "Sign the present end of each chain, to be kept where nobody who can write the database can reach",
    success: {
      status: 200,
      description: "One checkpoint a chain, and the public key that verifies them.",
      body: named("AuditCheckpoints", {
        items: Type.Array(checkpoint),
        publicKey: Type.Record(Type.String(), Type.Unknown(), { description: "JWK (RFC 8037)." }),
      }),
    },
    async handle({ store, auditKey, now }, { scope }) {
      const heads = (await store.audit.heads()).filter(({ tenant }) => scope === "all" || tenant === scope.tenant);
      const items = heads.map((head) => shownCheckpoint(makeCheckpoint(head, now(), auditKey)));
      return { body: { items, publicKey: createPublicKey(auditKey).export({ format: "jwk" }) } };
    },
  }),
];

function shownCheckpoint({ tenant, at: time, ...rest }: Checkpoint): Static<typeof checkpoint> {
  return { ...(tenant === undefined ? {} : { tenant }), ...rest, at: at(time) };
}

function spanOf({ from, until }: { from?: string; until?: string }): { from?: number; until?: number } {
  return {
    ...(from === undefined ? {} : { from: Date.parse(from) }),
    ...(until === undefined ? {} : { until: Date.parse(until) }),
  };
}

function shownRecord({ tenant, person, detail = {}, ...rest }: AuditRecord): Static<typeof recordSchema> {
  return {
    ...rest,
    at: at(rest.at),
    detail: { ...detail },
    ...(tenant === undefined ? {} : { tenant }),
    ...(person === undefined ? {} : { person }),
  };
}

/** Links as they are stored, page by page, as fast as the reader takes them. */
async function* chainLines(store: Pick<Store, "audit">, tenant: string | undefined): AsyncGenerator<string> {
  let links: AuditLink[];
  let after = 0;
  do {
    links = await store.audit.links(tenant, after, 500);
    for (const link of links) yield `${JSON.stringify(link)}\n`;
    after = links.at(-1)?.seq ?? after;
  } while (links.length > 0);
}
