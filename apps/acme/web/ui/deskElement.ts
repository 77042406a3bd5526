import { LitElement, type PropertyDeclarations } from "lit";
import type { Desk } from "../desk.ts";

/** A component that shows a part of the desk, and anew whenever the desk has changed. */
export abstract class DeskElement extends LitElement {
  static override properties: PropertyDeclarations = { desk: { attribute: false } };
  declare desk: Desk;
  #forget: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#forget = this.desk.changed.add(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#forget?.();
  }
}
