import { type Head, headerName, type HeaderName, lineOf } from "./head.ts";

/**
 * Names of header fields that are written together, in their order, into many messages. Made once; the values are checked
 * and encoded each time.
 *
 * @example
 * const ours = new HeaderForm(["Contact", "Expires"]);
 * invite.append(ours, ["<sip:portal.example>", "600"]);
 */
export class HeaderForm {
  readonly #names: readonly HeaderName[];

  /** @throws SipError `sip/injection` */
  constructor(names: readonly string[]) {
    this.#names = names.map(headerName);
  }

  /** What `Message.append` does. @throws SipError `sip/injection` */
  appendTo(head: Head, values: readonly (string | undefined)[]): void {
    let at = 0;
    for (const name of this.#names) {
      const value = values[at++];
      if (value !== undefined) head.appendLine(lineOf(name, value));
    }
  }
}
