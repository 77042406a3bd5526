import { parseUri } from "@portico/sip";
import type { Random } from "@portico/sip";
import type { ImsSession } from "./imsSession.ts";
import { mmtel } from "./headers.ts";

/** How this client names itself on W2, the same for its whole life (RFC 7118 §5.1, §5.2). */
export class LocalAddress {
  /** A random host under `.invalid`, since a browser knows no address of its own. */
  readonly host: string;
  readonly instance: string;
  readonly #random: Random;

  constructor(random: Random, instance: string) {
    this.#random = random;
    this.host = `${random.token(12)}.invalid`;
    this.instance = instance;
  }

  /** Contact URI for an identity. */
  contactUri(session: ImsSession): string {
    const user = parseUri(session.impu).user ?? "anonymous";
    return `sip:${user}@${this.host};transport=ws`;
  }

  /** Contact of dialogs: the URI and the service we are. */
  dialogContact(session: ImsSession, gruu: string | undefined): string {
    // RFC 5626 §4.3, RFC 5627 §4.4: a GRUU reaches this very tab, and `ob` keeps the dialog on this flow.
    const uri = gruu === undefined ? this.contactUri(session) : gruu;
    return `<${uri};ob>;${mmtel}`;
  }

  callId(): string {
    return `${this.#random.token(20)}@${this.host}`;
  }

  tag(): string {
    return this.#random.token(10);
  }
}
