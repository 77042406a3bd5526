import type { StoredEntry } from "@portico/store";

/** Entries as JSON text: an array of objects with tenant, impi, impu and, where there is one, tel. */
export function blockJson(entries: readonly StoredEntry[]): string {
  return `${JSON.stringify(
    entries.map(({ tenant, impi, impu, tel }) => ({ tenant, impi, impu, tel })),
    null,
    2,
  )}\n`;
}

/** Entries as CSV (RFC 4180) with a header line. */
export function blockCsv(entries: readonly StoredEntry[]): string {
  // Ids, host names and numbers were checked on the way in: none holds a comma or a quote.
  const lines = entries.map(({ tenant, impi, impu, tel }) => `${tenant},${impi},${impu},${tel ? `tel:${tel}` : ""}`);
  return ["tenant,impi,impu,alias", ...lines, ""].join("\r\n");
}
