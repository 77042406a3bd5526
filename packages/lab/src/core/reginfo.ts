import { identityKey } from "./identity.ts";
import type { BindingChange, Registration } from "./registrar.ts";

/**
 * A registration information document of full state (RFC 3680 §5), with GRUUs (RFC 5628 §4).
 * @param contacts live contacts and those that ended just now
 * @param now the clock's milliseconds, for the seconds left
 */
export function reginfo(
  registration: Registration,
  contacts: readonly BindingChange[],
  version: number,
  now: number,
): string {
  const live = new Set(registration.bindings.map(({ id }) => id));
  const [explicit = ""] = registration.identities;
  const wildcards = registration.subscription.wildcards?.filter(({ example }) => example !== undefined) ?? [];
  const identities = [...registration.identities, ...wildcards.map(({ example = "" }) => example)];
  const parts = identities.map((identity, index) => {
    const lines = contacts.map((change) => {
      // An identity of the implicit set was not registered itself: "created"
      const implied = change.event === "registered" && identityKey(identity) !== identityKey(explicit);
      return contact(change, index, live.has(change.binding.id), implied ? "created" : change.event, now);
    });
    const state = live.size > 0 ? "active" : "terminated";
    const aor = escape(identity);
    // TS 24.229 §7.10.2: the aor is one of the identities that the wildcard stands for.
    const wildcard = wildcards[index - registration.identities.length];
    if (wildcard !== undefined)
      lines.push(`  <ere:wildcardedIdentity>${escape(wildcard.identity)}</ere:wildcardedIdentity>\n`);
    return ` <registration aor="${aor}" id="${registration.id}${index}" state="${state}">\n${lines.join("")} </registration>\n`;
  });
  return (
    `<?xml version="1.0"?>\n<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" ` +
    `xmlns:gr="urn:ietf:params:xml:ns:gruuinfo" xmlns:ere="urn:3gpp:ns:extRegExp:1.0" version="${version}" state="full">\n${parts.join("")}</reginfo>\n`
  );
}

function contact({ binding }: BindingChange, index: number, alive: boolean, event: string, now: number): string {
  const seconds = Math.max(0, Math.round((binding.expiresAt - now) / 1000));
  const expires = alive ? ` expires="${seconds}"` : "";
  const gruu = alive && binding.pubGruu !== undefined ? `<gr:pub-gruu uri="${escape(binding.pubGruu)}"/>` : "";
  return (
    `  <contact id="${binding.id}${index}" state="${alive ? "active" : "terminated"}" event="${event}"${expires}>` +
    `<uri>${escape(binding.uri)}</uri>${gruu}</contact>\n`
  );
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
