import type { Tables } from "@portico/store";
import { domainOf } from "../block/definition.ts";
import { blockEntries } from "../block/entries.ts";
import { sharedSubscription, type SharedSubscription } from "../block/wildcard.ts";
import { WafError } from "../errors.ts";
import type { TenantDocument } from "./document.ts";

/**
 * Refuses a document with what another tenant has, beside identities against identities, which the store keeps apart: clients, and
 * what the HSS knows a wildcarded block by. Two wildcards for one domain would leave open whose call is whose.
 * @throws WafError `tenant_exists`
 */
export async function refuseForeign(tables: Tables, document: TenantDocument, homeDomain: string): Promise<void> {
  const others = (await tables.tenants.all())
    .filter(({ id }) => id !== document.id)
    .map((stored) => JSON.parse(stored.document) as TenantDocument);
  const own = new Set(claims(document, homeDomain));
  const taken = others.flatMap((other) => claims(other, homeDomain)).find((claim) => own.has(claim));
  // Whose it is would tell one tenant of another.
  if (taken !== undefined) throw new WafError("tenant_exists", `${taken} is another tenant's`);

  for (const { impu } of shared(document, homeDomain)) {
    const entry = await tables.blocks.find(impu);
    if (entry !== undefined && entry.tenant !== document.id)
      throw new WafError("tenant_exists", `${impu} is another tenant's`);
  }
  const registered = new Set(others.flatMap((other) => shared(other, homeDomain)).map(({ impu }) => impu));
  if (registered.size === 0) return;
  for (const block of document.blocks) {
    const entry = blockEntries(document.id, block, homeDomain).find(({ impu }) => registered.has(impu));
    if (entry !== undefined) throw new WafError("tenant_exists", `${entry.impu} is another tenant's`);
  }
}

function claims(document: TenantDocument, homeDomain: string): string[] {
  const { clients, blocks } = document;
  return [
    ...clients.map(({ clientId }) => `client ${clientId}`),
    ...blocks
      .filter(({ wildcard }) => wildcard !== undefined)
      .map((block) => `the wildcard of domain ${domainOf(block, homeDomain)}`),
    ...shared(document, homeDomain).flatMap(({ impu, impi }) => [impu, impi]),
  ];
}

function shared({ id, blocks }: TenantDocument, homeDomain: string): SharedSubscription[] {
  return blocks.flatMap((block) => sharedSubscription(id, block, homeDomain) ?? []);
}
