/** Forms in which the HSS is told what to provision. */
export type ProvisioningFormat = "json" | "csv";

/** One subscription of the HSS. */
interface Subscription {
  readonly tenant: string;
  readonly block: string;
  readonly impi: string;
  readonly impu: string;
  readonly tel?: string | undefined;
  /** Wildcarded identities of its implicit registration set. */
  readonly wildcards?: readonly string[];
}

/** What a text of so many entries begins and ends with, and how each is written. */
interface Form {
  readonly begin: string;
  readonly between: string;
  readonly end: string;
  /** @param allowed names of those who may register it (TS 29.228, Allowed-WAF-WWSF-Identities) */
  readonly write: (subscription: Subscription, allowed: readonly string[]) => string;
}

/** One subscription each: JSON, an array of objects; or CSV (RFC 4180) with a header line. */
export const forms: Readonly<Record<ProvisioningFormat, Form>> = {
  json: {
    begin: "[\n",
    between: ",\n",
    end: "\n]\n",
    write: ({ tenant, block, impi, impu, tel, wildcards }, allowedWafWwsf) =>
      `  ${JSON.stringify({ tenant, block, impi, impu, tel, wildcards, allowedWafWwsf })}`,
  },
  csv: {
    begin: "tenant,block,impi,impu,alias,allowed\r\n",
    between: "",
    end: "",
    // Ids, host names and numbers were checked on the way in: none holds a comma or a quote. Names of clients may.
    write: ({ tenant, block, impi, impu, tel, wildcards }, allowed) => {
      const aliases = wildcards?.join(" ") ?? (tel ? `tel:${tel}` : "");
      return `${tenant},${block},${impi},${impu},${aliases},${quoted(allowed.join(" "))}\r\n`;
    },
  },
};

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
