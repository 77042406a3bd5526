import type { StoredEntry } from "@portico/store";

/** Forms in which the HSS is told what to provision. */
export type ProvisioningFormat = "json" | "csv";

/** What a text of so many entries begins and ends with, and how each is written. */
interface Form {
  readonly begin: string;
  readonly between: string;
  readonly end: string;
  /** @param allowed names of those who may register it (TS 29.228, Allowed-WAF-WWSF-Identities) */
  readonly write: (entry: StoredEntry, allowed: readonly string[]) => string;
}

/** One subscription an entry: JSON, an array of objects; or CSV (RFC 4180) with a header line. */
export const forms: Readonly<Record<ProvisioningFormat, Form>> = {
  json: {
    begin: "[\n",
    between: ",\n",
    end: "\n]\n",
    write: ({ tenant, block, impi, impu, tel }, allowedWafWwsf) =>
      `  ${JSON.stringify({ tenant, block, impi, impu, tel, allowedWafWwsf })}`,
  },
  csv: {
    begin: "tenant,block,impi,impu,alias,allowed\r\n",
    between: "",
    end: "",
    // Ids, host names and numbers were checked on the way in: none holds a comma or a quote. Names of clients may.
    write: ({ tenant, block, impi, impu, tel }, allowed) =>
      `${tenant},${block},${impi},${impu},${tel ? `tel:${tel}` : ""},${quoted(allowed.join(" "))}\r\n`,
  },
};

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
