import type { Store, StoredEntry } from "../src/index.ts";

export const entry = (ordinal: number, o: Partial<StoredEntry> = {}): StoredEntry => {
  const tenant = o.tenant ?? "acme";
  return {
    tenant,
    block: "main",
    ordinal,
    impu: `sip:u${ordinal}@${tenant}.ims.test`,
    impi: `u${ordinal}.${tenant}@ims.test`,
    tel: undefined,
    ...o,
  };
};

/** Gives a user of Acme an identity. */
export const assign = (
  store: Pick<Store, "assignments">,
  impu: string,
  subject: string,
  startedAt = 0,
): Promise<void> =>
  store.assignments.begin({
    id: `${subject}@${startedAt}`,
    tenant: "acme",
    issuer: "https://idp.acme.test",
    subject,
    impu,
    pseudonym: "p",
    startedAt,
  });

/** Begins a lease on an assignment of {@link assign}. */
export const lease = async (
  store: Pick<Store, "leases">,
  o: { id: string; impu: string; assignmentId: string; tokenUntil: number },
): Promise<void> => {
  const { id, tokenUntil } = o;
  const times = { startedAt: 0, expiresAt: tokenUntil };
  await store.leases.begin({ ...o, ...times, tenant: "acme", clientId: "talk.acme.test", webSession: id });
};
