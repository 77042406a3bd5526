import type { StoredEntry } from "@portico/store";

/** Forms in which the HSS is told what to provision. */
export type ProvisioningFormat = "json" | "csv";

/** What a text of so many entries begins and ends with, and how each is written. */
interface Form {
  readonly begin: string;
  readonly between: string;
  readonly end: string;
  readonly write: (entry: StoredEntry) => string;
}

/** One subscription an entry: JSON, an array of objects; or CSV (RFC 4180) with a header line. */
export const forms: Readonly<Record<ProvisioningFormat, Form>> = {
  json: {
    begin: "[\n",
    between: ",\n",
    end: "\n]\n",
    write: ({ tenant, block, impi, impu, tel }) => `  ${JSON.stringify({ tenant, block, impi, impu, tel })}`,
  },
  csv: {
    begin: "tenant,block,impi,impu,alias\r\n",
    between: "",
    end: "",
    // Ids, host names and numbers were checked on the way in: none holds a comma or a quote.
    write: ({ tenant, block, impi, impu, tel }) => `${tenant},${block},${impi},${impu},${tel ? `tel:${tel}` : ""}\r\n`,
  },
};
