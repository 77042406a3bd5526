import type { Assignment, Store, StoredEntry, TokenTrace, UserKey } from "@portico/store";
import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey } from "jose";
import { domainOf } from "./block/definition.ts";
import { BlockTable } from "./block/blocks.ts";
import { KnownEntries, type OwnedEntry } from "./block/knownEntries.ts";
import { ShortageWatch } from "./block/watch.ts";
import { ClientAuthentication, type ClientCredentials } from "./client/authentication.ts";
import { Emitter } from "./emitter.ts";
import { proofKeyOf } from "./http/proof.ts";
import { decrypted, encryptFor } from "./token/nesting.ts";
import { WafError } from "./errors.ts";
import { type Fetch, guardedFetch } from "./keys/guardedFetch.ts";
import type { TokenRecipient } from "./keys/recipientKey.ts";
import { type KeyStorage, keysInMemory } from "./keys/keyStorage.ts";
import { SigningKeys, type SigningKeyView } from "./keys/signingKeys.ts";
import { Leasing, type RegistrationFact, type Revocation, type Wish } from "./leasing.ts";
import { People } from "./people.ts";
import type { Now, Random, SetTimer } from "./ports.ts";
import { tenantOf } from "./tenant/check.ts";
import { Directory, type KnownClient } from "./tenant/directory.ts";
import type { TenantDocument } from "./tenant/document.ts";
import { Tenants } from "./tenant/tenants.ts";
import { anonymousRestrictions, anonymousUser } from "./token/anonymous.ts";
import { claimOf } from "./token/restrictions.ts";
import {
  auditSeconds,
  defaultAccessTokenSeconds,
  keyLeadSeconds,
  keyRotationSeconds,
  maxAccessTokenSeconds,
  personSeconds,
  skewSeconds,
} from "./times.ts";
import {
  audienceOf,
  claimsOf,
  type ExchangeRequest,
  type RefreshRequest,
  type SessionRequest,
  termsOf,
  type TokenResponse,
  tokenResponse,
} from "./token/tokens.ts";
import type { Grant } from "./token/grant.ts";
import type { Introspection } from "./token/introspection.ts";
import { subjectOf } from "./token/subject.ts";
import type { TurnConfig } from "./turn.ts";
import { isOnThisMachine, isSafeUrl } from "./url.ts";

export interface WafOptions {
  readonly store: Store;
  /** `iss` of access tokens and base of all endpoints: https, or http on this machine; no slash at the end. */
  readonly issuer: string;
  /** Home domain of the IMS; `sip:` and it is the audience of access tokens. */
  readonly homeDomain: string;
  /** Where browsers open W2. */
  readonly wss: readonly string[];
  /** Tenants of the configuration; they are checked here. */
  readonly tenants: readonly TenantDocument[];
  /** What a dialled emergency number is for tenants that name none; absent: nothing. */
  readonly emergencyNumbers?: readonly string[];
  /** Where the signing keys are, made at first start: those of all nodes. Absent: keys of this process only. */
  readonly signingKeys?: KeyStorage;
  /** Life of an access token, seconds: 60 to 86 400; absent: 3600. */
  readonly accessTokenSeconds?: number;
  /** How long is kept, seconds: which token went where (absent: 90 days), and who held an identity (absent: a year). */
  readonly retention?: { readonly tokens?: number; readonly persons?: number };
  /** Key pair of the eP-CSCF for the tokens of tenants with encryptedTokens; absent: there are none such. */
  readonly tokenRecipient?: TokenRecipient;
  /** TURN servers for browsers behind a firewall that lets no UDP through. */
  readonly turn?: TurnConfig;
  readonly now: Now;
  /** Absent: that of Node, which keeps no process alive. */
  readonly setTimer?: SetTimer;
  readonly random: Random;
  /** Hosts of identity providers in the operator's own network; others must have public addresses. */
  readonly insideHosts?: readonly string[];
  /** Fetches keys and discovery documents of tenants; absent: {@link guardedFetch}. */
  readonly fetch?: Fetch;
}

/** How often the use of blocks is counted, milliseconds. */
const shortageMs = 30_000;

/** How often a process looks for what others have changed: half of what a suspension may take, milliseconds. */
const noticeMs = 1000;

const timer: SetTimer = (ms, fire) => {
  const handle = setTimeout(fire, ms).unref();
  return () => clearTimeout(handle);
};

/** A client that has proven who it is; only {@link Waf.authenticate} makes one. */
export type Client = KnownClient;

/** Something the operator's staff must see. */
export interface Alarm {
  readonly type: "block_exhausted" | "block_running_out" | "identity_provider_unreachable";
  readonly tenant: string;
  /** Of `block_running_out`: which, how far, and whether it is over. */
  readonly block?: string;
  readonly usedPercent?: number;
  readonly cleared?: boolean;
}

/** Use of a tenant's block, in entries; `sessions` are web sessions. */
export interface BlockUsage {
  readonly size: number;
  /** Held by a user. */
  readonly assigned: number;
  /** In quarantine, or waiting for a token or registration to end. */
  readonly resting: number;
  readonly free: number;
  readonly sessions: number;
}

/**
 * WebRTC Authorisation Function (TS 23.228 Annex U, TS 24.371 §5.4): an OAuth 2.0 authorisation server whose clients
 * are WWSFs. It gives a tenant's users identities out of the tenant's block and issues the access tokens that prove it.
 */
export class Waf {
  readonly issuer: string;
  readonly #o: WafOptions;
  /** The tenants, to be managed at run time. */
  readonly tenants: Tenants;
  /** Their blocks. */
  readonly blocks: BlockTable;
  /** What is kept of their users. */
  readonly people: People;
  readonly #entries: KnownEntries;
  readonly #shortages = new ShortageWatch();
  #shortagesSeenAt = 0;
  readonly #directory: Directory;
  readonly #leasing: Leasing;
  readonly #keys: SigningKeys;
  readonly #clients: ClientAuthentication;
  readonly #alarms = new Emitter<Alarm>();
  readonly #alarmedAt = new Map<string, number>();
  #sweptAt = 0;
  #stopWatching: () => void = () => undefined;
  #closed: Promise<void> | undefined;

  /** Use {@link openWaf}. */
  constructor(o: WafOptions, parts: { directory: Directory; tenants: Tenants; leasing: Leasing; keys: SigningKeys }) {
    this.issuer = o.issuer;
    this.#o = o;
    this.#directory = parts.directory;
    this.tenants = parts.tenants;
    const { store, homeDomain, now } = o;
    this.#entries = new KnownEntries({ store, homeDomain, directory: parts.directory });
    this.blocks = new BlockTable({
      store,
      homeDomain,
      issuer: o.issuer,
      now,
      directory: parts.directory,
      leasing: parts.leasing,
    });
    this.people = new People({ store, now, leasing: parts.leasing });
    this.#leasing = parts.leasing;
    this.#keys = parts.keys;
    this.#clients = new ClientAuthentication({
      client: (clientId) => this.#directory.client(clientId),
      audience: [
        o.issuer,
        `${o.issuer}/token`,
        `${o.issuer}/revoke`,
        `${o.issuer}/introspect`,
        `${o.issuer}/identities`,
        `${o.issuer}/identities/assign`,
        `${o.issuer}/identities/end`,
      ],
      seen: o.store.assertions,
      now: o.now,
    });
  }

  /** Milliseconds since the epoch, by the clock of this WAF. */
  now(): number {
    return this.#o.now();
  }

  /** Public keys that verify access tokens. */
  get jwks(): JSONWebKeySet {
    return this.#keys.jwks;
  }

  /** Finds the key of an access token, for `jwtVerify`; follows rotations. */
  get verificationKeys(): JWTVerifyGetKey {
    return this.#keys.find;
  }

  /** The block table of the operator, for the eP-CSCF (EPC-REG-06). */
  readonly block = {
    /**
     * The entry of an IMPU, unless it is in no block or its tenant is suspended. One that is taken out of its block is still
     * found for a second; whoever held it has lost her tokens by then.
     */
    find: async (impu: string): Promise<OwnedEntry | undefined> => {
      const entry = this.#entries.kept(impu) ?? (await this.#entries.find(impu));
      return entry && this.isActive(entry.tenant) ? entry : undefined;
    },
  };

  /** Hosts of the IMPUs of all blocks. */
  domains(): string[] {
    const all = this.#directory.all().flatMap(({ blocks }) => blocks);
    return [...new Set(all.map((block) => domainOf(block, this.#o.homeDomain)))];
  }

  /** A tenant's document as this node knows it. */
  document(tenant: string): TenantDocument | undefined {
    return this.#directory.get(tenant);
  }

  /**
   * Ends the assignment of a user and all her sessions: she has left, or lost the service (WWSF-11).
   * @throws WafError `no_assignment`
   */
  async endUser(client: Client, subject: string, issuer?: string): Promise<void> {
    const { impu } = await this.identity(client, subject, issuer);
    const { tenant, document } = client;
    await this.#leasing.endAssignment(impu, "user_disabled", { by: document.clientId, tenant: tenant.id });
  }

  /** @throws WafError `client_...`, `tenant_suspended` */
  async authenticate(credentials: ClientCredentials): Promise<Client> {
    await this.#directory.refresh();
    const client = await this.#clients.check(credentials);
    if (!this.#directory.active(client.tenant.id, this.#o.now())) throw new WafError("tenant_suspended");
    return client;
  }

  /**
   * Token exchange (RFC 8693): the user's ID token for an access token that carries her IMPU.
   * @throws WafError
   */
  async exchange(client: Client, request: ExchangeRequest): Promise<TokenResponse> {
    const { tenant } = client;
    const terms = termsOf(tenant, request, audienceOf(this.#o), claimOf(tenant.restrictions));
    return await this.#begin(client, async () => {
      const { webSession, impu, address, proofKey, subjectTokenType: type } = request;
      const audience = [this.issuer, `${this.issuer}/token`];
      const context = { type, client, directory: this.#directory, audience, now: this.#o.now() };
      const { issuer, subject, claims } = await subjectOf(request.subjectToken, context);
      const user = { tenant: tenant.id, issuer, subject };
      return [user, { ...terms, webSession, claims, impu, proofKey, address }];
    });
  }

  /**
   * A session for a user whom nobody vouches for (TS 22.228 Annex H.5), on an identity of the block that the tenant has for such.
   * @throws WafError `anonymous_refused`, `block_exhausted`
   */
  async admit(client: Client, request: SessionRequest): Promise<TokenResponse> {
    const { tenant, document } = client;
    const terms = termsOf(tenant, request, audienceOf(this.#o), anonymousRestrictions(tenant));
    const { webSession, address, proofKey } = request;
    const user = anonymousUser(tenant.id, document.clientId, webSession);
    const wish = { ...terms, webSession, claims: {}, impu: undefined, proofKey, address };
    return await this.#begin(client, async () => [user, wish]);
  }

  async #begin(client: Client, asked: () => Promise<[UserKey, Wish]>): Promise<TokenResponse> {
    await this.#sweep();
    const grant = await this.#alarmed(client.tenant, async () => {
      const [user, wish] = await asked();
      return await this.#leasing.begin(user, client, wish);
    });
    return await this.#issue(client, grant);
  }

  /**
   * A new access token and a new refresh token for a live web session.
   * @param request `webSession` is checked against that of the exchange when given
   * @throws WafError `refresh_token_refused`
   */
  async refresh(client: Client, request: RefreshRequest): Promise<TokenResponse> {
    await this.#sweep();
    const grant = await this.#leasing.renew(client.document.clientId, request.refreshToken, request);
    return await this.#issue(client, grant);
  }

  /** Ends the web session of a refresh or access token (RFC 7009); a sticky assignment stays. Unknown tokens pass. */
  async revoke({ document }: Client, token: string): Promise<void> {
    const { sid } = (await this.#accessClaims(token)) ?? {};
    if (typeof sid === "string") await this.#leasing.endSession(document.clientId, sid, "logout");
    else await this.#leasing.endByRefreshToken(document.clientId, token, "logout");
  }

  /**
   * Says whether a token is good, and what it says (RFC 7662). One of another tenant is as little active as one that
   * never was (§4).
   */
  async introspect({ tenant }: Client, token: string): Promise<Introspection> {
    const claims = await this.#accessClaims(token);
    if (claims === undefined) return await this.#leasing.describe(tenant.id, token);
    const { sid, exp = 0 } = claims;
    const revoked = typeof sid !== "string" || this.isRevoked({ sessionId: sid, tenant: tenant.id });
    if (claims["tenant"] !== tenant.id || revoked || exp * 1000 <= this.#o.now()) return { active: false };
    // The IMPI is between operator and network (PRV-01).
    const { impi: _, ...told } = claims;
    return { active: true, token_type: "Bearer", ...told };
  }

  /**
   * The key of a DPoP proof that came with a request to the token endpoint.
   * @throws WafError `proof_refused`
   */
  async proofKey(proof: string, o: { readonly method: string; readonly urls: readonly string[] }): Promise<string> {
    return await proofKeyOf(proof, { ...o, seen: this.#o.store.assertions, now: this.#o.now() });
  }

  /**
   * Assigns an identity to a user before she comes, or confirms the one she holds (W4).
   * @throws WafError `identity_refused`, `block_exhausted`
   */
  async assign(
    client: Client,
    o: { readonly subject: string; readonly issuer?: string | undefined; readonly impu?: string | undefined },
  ): Promise<{ impu: string; tel?: string }> {
    const user = { tenant: client.tenant.id, issuer: o.issuer ?? issuerOf(client), subject: o.subject };
    const claims = { iss: user.issuer, sub: user.subject };
    return shown(await this.#leasing.assign(user, client, { impu: o.impu, claims }));
  }

  /**
   * The identity a user of the tenant holds, signed in or not.
   * @param issuer of the user's tokens; absent: the tenant's first identity provider, or else the client itself
   * @throws WafError `no_assignment`
   */
  async identity(client: Client, subject: string, issuer?: string): Promise<{ impu: string; tel?: string }> {
    const user = { tenant: client.tenant.id, issuer: issuer ?? issuerOf(client), subject };
    const held = await this.#o.store.assignments.of(user);
    const entry = held && (await this.#o.store.blocks.find(held.impu));
    if (entry === undefined) throw new WafError("no_assignment");
    return shown(entry);
  }

  /** True when the session behind a token has ended or its tenant is suspended. The signature is not looked at. */
  isRevoked(claims: { readonly sessionId: string; readonly tenant: string }): boolean {
    return this.#leasing.isRevoked(claims.sessionId) || !this.isActive(claims.tenant);
  }

  /** False while a tenant is suspended, and outside the time of its contract. */
  isActive(tenant: string): boolean {
    return this.#directory.active(tenant, this.#o.now()) !== undefined;
  }

  /** @returns a function that ends the subscription */
  onRevoked(listener: (revocation: Revocation) => void): () => void {
    return this.#leasing.revocations.on(listener);
  }

  /** @returns a function that ends the subscription */
  onAlarm(listener: (alarm: Alarm) => void): () => void {
    return this.#alarms.on(listener);
  }

  /** Takes a fact into account that only the eP-CSCF can know; it decides when an identity is free (WWSF-06). */
  async reportRegistration(fact: RegistrationFact): Promise<void> {
    await this.#leasing.noteRegistration(fact);
  }

  /**
   * Ends the assignment of an identity and every session on it: its user has left or was disabled.
   * @param by who decided it, for the audit
   * @returns false when nobody holds it
   */
  async endAssignment(impu: string, reason: string, by: string): Promise<boolean> {
    return await this.#leasing.endAssignment(impu, reason, { by });
  }

  /**
   * A client of a tenant, for the operator who acts on its behalf without its credentials.
   * @param clientId absent: the tenant's first
   */
  clientOf(tenant: string, clientId?: string): Client | undefined {
    const wanted = clientId ?? this.#directory.get(tenant)?.clients[0]?.clientId;
    const client = wanted === undefined ? undefined : this.#directory.client(wanted);
    return client?.tenant.id === tenant ? client : undefined;
  }

  /** Ends a web session by its lease: its tokens, registration and calls. One that has ended is left alone. */
  async endLease(id: string, reason: string): Promise<void> {
    const lease = await this.#o.store.leases.get(id);
    if (lease !== undefined) await this.#leasing.endSession(lease.clientId, id, reason);
  }

  /** All holders of an identity, latest first (WWSF-16). */
  async history(impu: string): Promise<Assignment[]> {
    return await this.#o.store.assignments.history(impu, 1000);
  }

  /** Whose access token it was, by its `jti`; kept as long as `retention.tokens` says (WAF-12). */
  async trace(jti: string): Promise<TokenTrace | undefined> {
    return await this.#o.store.issuedTokens.trace(jti);
  }

  /** How full a tenant's block is. */
  async usage(tenant: string): Promise<BlockUsage> {
    const { blocks, assignments, leases } = this.#o.store;
    const { size, free } = await blocks.count(tenant, this.#o.now());
    const assigned = await assignments.count(tenant);
    return { size, assigned, resting: Math.max(0, size - assigned - free), free, sessions: await leases.count(tenant) };
  }

  /** The keys that sign and verify access tokens, the latest first. */
  get signingKeys(): SigningKeyView[] {
    return this.#keys.views;
  }

  /**
   * Makes the next signing key. It is published at once and signs 10 minutes later, when verifiers have it; tokens of
   * the key before stay good. Done every 90 days by itself.
   * @param atOnce it signs at once: the present key is no longer trusted
   */
  async rotateKey({ atOnce = false }: { readonly atOnce?: boolean } = {}): Promise<void> {
    await this.#keys.rotate(atOnce ? 0 : keyLeadSeconds);
  }

  /**
   * Takes note of what other processes on the store have changed, and ends what a tenant may no longer have: it was
   * suspended, or its contract has ended. Done every second by itself.
   */
  async notice(): Promise<void> {
    await this.tenants.notice();
    await this.#leasing.notice();
    await this.#entries.notice();
    await this.#keys.turn();
    if (Math.abs(this.#o.now() - this.#shortagesSeenAt) >= shortageMs) await this.#seeShortages();
  }

  async #seeShortages(): Promise<void> {
    this.#shortagesSeenAt = this.#o.now();
    for (const { id: tenant } of this.#directory.all()) {
      for (const told of this.#shortages.see(tenant, await this.blocks.usage(tenant))) {
        this.#alarms.emit({ type: "block_running_out", tenant, ...told });
      }
    }
  }

  /** Begins to take note by itself. */
  watch(): void {
    const setTimer = this.#o.setTimer ?? timer;
    this.#stopWatching = setTimer(noticeMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    // A store that does not answer now may do so in a second; whoever asks meanwhile gets its error.
    await this.notice()
      .then(() => this.#sweep())
      .catch(() => undefined);
    if (this.#closed === undefined) this.watch();
  }

  /**
   * Ends what has expired, and forgets what is kept no longer. Done once a minute by itself, though nobody asks for a token: what
   * is kept of persons is bounded on a portal that stands idle, too. An exchange does not wait for that minute.
   */
  async sweep(): Promise<void> {
    const now = this.#o.now();
    this.#sweptAt = now;
    const { tokens = auditSeconds, persons = personSeconds } = this.#o.retention ?? {};
    await this.#leasing.sweep(tokens);
    await this.people.purge(now - persons * 1000);
  }

  /** Waits for what is being written, and tells listeners nothing more. The store belongs to its opener. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stopWatching();
    await this.#o.store.settled();
    this.#leasing.revocations.clear();
    this.#alarms.clear();
  }

  async #sweep(): Promise<void> {
    if (Math.abs(this.#o.now() - this.#sweptAt) >= 60_000) await this.sweep();
  }

  async #alarmed<T>(tenant: TenantDocument, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = error instanceof WafError ? error.code : undefined;
      if (code === "block_exhausted" || code === "identity_provider_unreachable") {
        this.#alarm({ type: code, tenant: tenant.id });
      }
      throw error;
    }
  }

  /** At most one a minute of each kind and tenant: a full block is asked again and again. */
  #alarm(alarm: Alarm): void {
    const key = `${alarm.type} ${alarm.tenant}`;
    const last = this.#alarmedAt.get(key);
    if (last !== undefined && Math.abs(this.#o.now() - last) < 60_000) return;
    this.#alarmedAt.set(key, this.#o.now());
    this.#alarms.emit(alarm);
  }

  /** Nests a signed token for the eP-CSCF alone (RFC 7519 §5.2, RFC 8898 §2.1.2). */
  async #encrypted(signed: string): Promise<string> {
    if (this.#o.tokenRecipient === undefined) {
      throw new WafError("server_error", "a tenant has encryptedTokens, and this portal has no key to encrypt for");
    }
    return await encryptFor(signed, this.#o.tokenRecipient.publicKey);
  }

  /** The claims of an access token of ours, encrypted or not, expired or not. */
  async #accessClaims(token: string): Promise<JWTPayload | undefined> {
    const parts = token.split(".").length;
    if (parts === 3) return await this.#keys.claimsOf(token);
    const recipient = this.#o.tokenRecipient;
    const signed = parts === 5 && recipient ? await decrypted(token, recipient.privateKey) : undefined;
    return signed === undefined ? undefined : await this.#keys.claimsOf(signed);
  }

  async #issue(client: Client, grant: Grant): Promise<TokenResponse> {
    const issuer = { ...this.#o, emergencyNumbers: this.#o.emergencyNumbers ?? [] };
    const claims = claimsOf(issuer, client, grant);
    const signed = await this.#keys.sign(claims, "at+jwt");
    const { tenant } = client;
    const token = tenant.encryptedTokens === true ? await this.#encrypted(signed) : signed;
    return tokenResponse(issuer, tenant, grant, token);
  }
}

/**
 * Opens the WAF: checks the tenants, makes the block table say what they say, and reads or makes the signing key.
 *
 * @throws WafError `configuration`, `key_file`, `keys_sealed`
 * @example
 * const waf = await openWaf({
 *   store: await openStore({ sqlite: "portal.sqlite" }),
 *   issuer: "https://portal.example/waf",
 *   homeDomain: "ims.example",
 *   wss: ["wss://portal.example/w2"],
 *   tenants,
 *   signingKeys: keyFile("waf-keys.json"),
 *   now: Date.now,
 *   random: systemRandom,
 * });
 */
export async function openWaf(o: WafOptions): Promise<Waf> {
  if (!isSafeUrl(o.issuer) || o.issuer.endsWith("/")) {
    throw new WafError("configuration", "issuer is neither https nor on this machine, or ends in /");
  }
  const accessTokenSeconds = o.accessTokenSeconds ?? defaultAccessTokenSeconds;
  if (!(accessTokenSeconds >= 60 && accessTokenSeconds <= maxAccessTokenSeconds)) {
    throw new WafError("configuration", "accessTokenSeconds is not 60 to 86400");
  }
  const local = isOnThisMachine(new URL(o.issuer).hostname);
  const { store, now, random, homeDomain } = o;
  for (const tenant of o.tenants) tenantOf(tenant);
  const directory = new Directory(store, o.fetch ?? guardedFetch({ inside: o.insideHosts ?? [], loopback: local }));
  const leasing = await Leasing.open({ store, tenants: directory, accessTokenSeconds, now, random });
  const tenants = new Tenants({ directory, leasing, homeDomain, now });
  await tenants.defineFile(o.tenants);
  const keys = await SigningKeys.open({
    storage: o.signingKeys ?? keysInMemory(),
    now,
    leadSeconds: keyLeadSeconds,
    overlapSeconds: accessTokenSeconds + skewSeconds,
    rotationSeconds: keyRotationSeconds,
  });
  const waf = new Waf(o, { directory, tenants, leasing, keys });
  await waf.notice();
  waf.watch();
  return waf;
}

/** Under which issuer a client's users are known when it does not say. */
function issuerOf({ tenant, document }: Client): string {
  return tenant.identityProviders[0]?.issuer ?? document.clientId;
}

const shown = ({ impu, tel }: StoredEntry): { impu: string; tel?: string } =>
  tel === undefined ? { impu } : { impu, tel };
