import { type Static, Type } from "typebox";
import { closed, e164, host } from "../schema.ts";

const impu = Type.String({
  pattern: "^sip:[A-Za-z0-9._~-]{1,64}@[a-z0-9.-]{1,253}$",
  description: "SIP URI of user and lower-case host, without parameters",
});
const impi = Type.String({
  pattern: "^[A-Za-z0-9._~-]{1,128}@[a-z0-9.-]{1,253}$",
  description: "NAI of user and lower-case realm (TS 23.003 §13.3)",
});

/** One subscription given by hand or imported. */
export const entrySchema = Type.Object(
  {
    impu,
    /** Absent: made of the user part, the tenant and the home domain. */
    impi: Type.Optional(impi),
    tel: Type.Optional(e164),
  },
  closed,
);

/** A tenant's block of identities (TS 22.228 H.4: a block of numbers and a sub-domain), one subscription an entry. */
export const blockSchema = Type.Object(
  {
    id: Type.String({
      pattern: "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$",
      description: "1 to 32 of a-z, 0-9 and -, unique in the tenant",
    }),
    /** Host of the IMPUs: as a whole, or as a name below the home domain; one of the two. */
    domain: Type.Optional(host),
    subDomain: Type.Optional(host),
    /** Begin of the user parts of generated identities; absent: u. Blocks of one tenant must differ in it. */
    prefix: Type.Optional(
      Type.String({ pattern: "^[a-z][a-z0-9-]{0,15}$", description: "a letter, then up to 15 of a-z, 0-9 and -" }),
    ),
    /** Identities to generate, `u0001` and on. A larger count adds, a smaller one withdraws the last. Absent: as many as numbers. */
    count: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 100_000, description: "identities to generate", examples: [10] }),
    ),
    /** E.164 numbers of the generated identities, in turn; `to` absent: as many as it takes. Append to extend. */
    numbers: Type.Optional(Type.Array(Type.Object({ from: e164, to: Type.Optional(e164) }, closed), { maxItems: 100 })),
    /** Identities given one by one, beside the generated. Thousands are better imported. */
    entries: Type.Optional(Type.Array(entrySchema, { maxItems: 1000 })),
    /**
     * The HSS has one subscription for the whole block, in whose implicit registration set a wildcard stands for its identities
     * (TS 23.003 §13.4A). Absent: each identity is a subscription of its own.
     */
    wildcard: Type.Optional(
      Type.Object(
        {
          /** The distinct identity of the set, which is registered for all and given to nobody. */
          impu,
          /** Absent: made of its user part, the tenant and the home domain. */
          impi: Type.Optional(impi),
        },
        {
          ...closed,
          description: "The block is one subscription of the HSS, with a wildcarded IMPU; absent: each is one",
        },
      ),
    ),
    assignment: Type.Enum(["sticky", "dynamic"], {
      description:
        "sticky: a user keeps her identity until the third party ends it; dynamic: until her last web session ends",
    }),
    quarantineSeconds: Type.Integer({
      minimum: 0,
      maximum: 31_536_000,
      description: "Rest of an identity between two users",
    }),
    /** Use at which the operator is told that the block runs out; absent: 90. */
    warnAtPercent: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  },
  closed,
);

export type BlockDocument = Static<typeof blockSchema>;
export type EntryDocument = Static<typeof entrySchema>;

/** Host of a block's IMPUs. */
export function domainOf(block: Pick<BlockDocument, "domain" | "subDomain">, homeDomain: string): string {
  return block.domain ?? `${block.subDomain}.${homeDomain}`;
}
