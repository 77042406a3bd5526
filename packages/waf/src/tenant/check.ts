import { Compile } from "typebox/compile";
import { blockProblems } from "../block/entries.ts";
import { WafError } from "../errors.ts";
import { type Problem, problemsOf } from "../problems.ts";
import { anonymousPrefix, anonymousRestrictions } from "../token/anonymous.ts";
import { badZones } from "../token/restrictions.ts";
import { isSafeUrl } from "../url.ts";
import { type TenantDocument, tenantSchema } from "./document.ts";

const compiled = Compile(tenantSchema);

/**
 * Everything that is wrong with a tenant document, by itself; whether it clashes with another tenant only the WAF
 * knows.
 */
export function checkTenant(value: unknown): Problem[] {
  const problems = problemsOf(tenantSchema, compiled.Errors(value));
  if (problems.length > 0 || !compiled.Check(value)) return problems;
  return [
    ...members(value),
    ...clients(value),
    ...providers(value),
    ...blocks(value),
    ...rules(value),
    ...anonymous(value),
  ];
}

/** @throws WafError `tenant_invalid` with all problems */
export function tenantOf(value: unknown): TenantDocument {
  const problems = checkTenant(value);
  if (problems.length > 0) throw new WafError("tenant_invalid", undefined, { problems });
  return value as TenantDocument;
}

function* members(tenant: TenantDocument): Generator<Problem> {
  if (tenant.origins.length === 0 && tenant.nativeClients !== true) {
    yield { path: "/origins", problem: "is empty; name one, or allow nativeClients" };
  }
  for (const [n, origin] of tenant.origins.entries()) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      yield { path: `/origins/${n}`, problem: "must be a web origin: scheme, host and port, without path" };
    }
  }
  const { from, until } = tenant.contract ?? {};
  if (from !== undefined && until !== undefined && Date.parse(until) <= Date.parse(from)) {
    yield { path: "/contract/until", problem: "must be after from" };
  }
  for (const [n, service] of (tenant.restrictions?.services ?? []).entries()) {
    if (!tenant.services.includes(service)) {
      yield { path: `/restrictions/services/${n}`, problem: "is no service of this tenant" };
    }
  }
  for (const { path, problem } of badZones(tenant.restrictions)) yield { path: `/restrictions${path}`, problem };
  yield* repeats("/dialPlan/shortCodes", "code", tenant.dialPlan?.shortCodes?.map(({ code }) => code) ?? []);
}

function* clients({ clients: all }: TenantDocument): Generator<Problem> {
  yield* repeats(
    "/clients",
    "clientId",
    all.map(({ clientId }) => clientId),
  );
  for (const [n, { clientId, authentication, subjectTokens }] of all.entries()) {
    if (clientId.startsWith(anonymousPrefix)) {
      yield { path: `/clients/${n}/clientId`, problem: `begins with ${anonymousPrefix}` };
    }
    const path = `/clients/${n}/authentication`;
    const names = ["subjectDn", "sanDns", "sanUri", "sanIp", "sanEmail"] as const;
    const named = names.filter((name) => authentication[name] !== undefined);
    if (authentication.method === "tls_client_auth") {
      if (named.length !== 1) yield { path, problem: `needs one of ${names.join(", ")}` };
      if (authentication.jwks ?? authentication.jwksUri) yield { path, problem: "has keys; remove jwks and jwksUri" };
    } else {
      if (named.length > 0) yield { path: `${path}/${named[0]}`, problem: "is for tls_client_auth; remove it" };
      yield* keySource(path, authentication);
    }
    if (subjectTokens !== undefined) yield* keySource(`/clients/${n}/subjectTokens`, subjectTokens);
  }
}

function* providers(tenant: TenantDocument): Generator<Problem> {
  const { identityProviders, clients: all } = tenant;
  yield* repeats(
    "/identityProviders",
    "issuer",
    identityProviders.map(({ issuer }) => issuer),
  );
  for (const [n, provider] of identityProviders.entries()) {
    const path = `/identityProviders/${n}`;
    const { issuer, discovery } = provider;
    if (discovery !== undefined && !isSafeUrl(issuer))
      yield { path: `${path}/issuer`, problem: "must be an https URL" };
    if (issuer.startsWith(anonymousPrefix)) yield { path: `${path}/issuer`, problem: `begins with ${anonymousPrefix}` };
    if (all.some(({ clientId }) => clientId === issuer)) {
      yield { path: `${path}/issuer`, problem: "is a clientId, under which the WWSF vouches for users itself" };
    }
    yield* keySource(path, provider);
  }
  if (tenant.anonymous === undefined && !knowsUsers(tenant)) {
    yield {
      path: "/identityProviders",
      problem: "is empty, and no client has subjectTokens: nobody vouches for users",
    };
  }
}

function* blocks({ blocks: all, rules: chosen }: TenantDocument): Generator<Problem> {
  yield* repeats(
    "/blocks",
    "id",
    all.map(({ id }) => id),
  );
  for (const [n, block] of all.entries()) {
    for (const { path, problem } of blockProblems(block)) yield { path: `/blocks/${n}${path}`, problem };
    const { domain, subDomain, wildcard } = block;
    const before = all.slice(0, n).filter((one) => one.wildcard !== undefined);
    // One identity would have two wildcards, and nobody could say whose it is.
    if (wildcard !== undefined && before.some((one) => one.domain === domain && one.subDomain === subDomain)) {
      yield { path: `/blocks/${n}/wildcard`, problem: "stands for the domain of another block with wildcard" };
    }
  }
  for (const [n, { block }] of (chosen ?? []).entries()) {
    if (block !== undefined && !all.some(({ id }) => id === block)) {
      yield { path: `/rules/${n}/block`, problem: "is no block of this tenant" };
    }
  }
}

function* rules({ rules: all = [] }: TenantDocument): Generator<Problem> {
  for (const [n, { choose, claim }] of all.entries()) {
    const needs = choose === "numberInClaim" || choose === "impuInClaim";
    if (needs !== (claim !== undefined)) {
      yield {
        path: `/rules/${n}`,
        problem: needs ? `with ${choose} needs claim` : `with ${choose} has no use for claim`,
      };
    }
  }
}

/** True when somebody vouches for users of the tenant. */
function knowsUsers({ identityProviders, clients: sites }: TenantDocument): boolean {
  return identityProviders.length > 0 || sites.some(({ subjectTokens }) => subjectTokens !== undefined);
}

/** Nobody vouches for these users: their block is theirs alone, so that all of them together take nothing from others. */
function* anonymous(tenant: TenantDocument): Generator<Problem> {
  const { anonymous: guests, blocks: all, rules: chosen } = tenant;
  if (guests === undefined) return;
  const block = all.find(({ id }) => id === guests.block);
  if (block?.assignment !== "dynamic")
    yield { path: "/anonymous/block", problem: "is no dynamic block of this tenant" };
  for (const { path, problem } of badZones(guests.restrictions))
    yield { path: `/anonymous/restrictions${path}`, problem };
  try {
    anonymousRestrictions(tenant);
  } catch (error) {
    if (!(error instanceof WafError)) throw error;
    yield { path: "/anonymous/restrictions", problem: `is not within those of the tenant: ${error.message}` };
  }
  if (knowsUsers(tenant) && chosen === undefined) {
    yield { path: "/rules", problem: "must say which block users get an identity of, since one is for anonymous ones" };
  }
  for (const [n, rule] of (chosen ?? []).entries()) {
    if (rule.block === undefined || rule.block === guests.block) {
      yield { path: `/rules/${n}/block`, problem: "must name a block other than that of anonymous users" };
    }
  }
}

/** One source of keys, and public ones: a private or shared key in a configuration is a leak waiting to happen. */
function* keySource(
  path: string,
  o: { jwks?: { keys: Record<string, unknown>[] }; jwksUri?: string; discovery?: true },
): Generator<Problem> {
  const ways = ["jwks", "jwksUri", ...("issuer" in o ? ["discovery"] : [])];
  const given = ways.filter((way) => o[way as "jwks"] !== undefined);
  if (given.length !== 1) yield { path, problem: `needs one of ${ways.join(", ")}` };
  if (o.jwksUri !== undefined && !isSafeUrl(o.jwksUri)) {
    yield { path: `${path}/jwksUri`, problem: "must be an https URL" };
  }
  for (const [n, key] of (o.jwks?.keys ?? []).entries()) {
    const at = `${path}/jwks/keys/${n}`;
    if (!["EC", "RSA", "OKP"].includes(String(key["kty"])))
      yield { path: `${at}/kty`, problem: "must be EC, RSA or OKP" };
    if ("d" in key) yield { path: `${at}/d`, problem: "is a private key; give the public one, and replace the pair" };
  }
}

function* repeats(path: string, member: string, values: readonly string[]): Generator<Problem> {
  for (const [n, value] of values.entries()) {
    if (values.indexOf(value) < n) yield { path: `${path}/${n}/${member}`, problem: "is there twice" };
  }
}
