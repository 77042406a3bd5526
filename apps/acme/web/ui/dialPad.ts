import { css, html, LitElement, type CSSResultGroup, type TemplateResult } from "lit";
import { shared } from "./shared.ts";

const keys: readonly [digit: string, letters: string, spoken: string][] = [
  ["1", "", "1"],
  ["2", "ABC", "2"],
  ["3", "DEF", "3"],
  ["4", "GHI", "4"],
  ["5", "JKL", "5"],
  ["6", "MNO", "6"],
  ["7", "PQRS", "7"],
  ["8", "TUV", "8"],
  ["9", "WXYZ", "9"],
  ["*", "", "star"],
  ["0", "+", "0"],
  ["#", "", "hash"],
];

/** Twelve keys; each press is a `digit` event whose detail is the digit. */
export class AcmeDialPad extends LitElement {
  static override properties = { disabled: { type: Boolean } };
  declare disabled: boolean;

  static override styles: CSSResultGroup = [
    shared,
    css`
      div {
        display: grid;
        grid-template-columns: repeat(3, 1fr);
        gap: 0.5rem;
      }

      button {
        flex-direction: column;
        gap: 0;
        min-height: 50px;
        padding: 0;
        font-size: 1.3rem;
        line-height: 1.15;
      }

      small {
        min-height: 0.8rem;
        font-size: 0.68rem;
        font-weight: 500;
        letter-spacing: 0.08em;
        color: var(--soft);
      }
    `,
  ];

  constructor() {
    super();
    this.disabled = false;
  }

  override render(): TemplateResult {
    return html`<div role="group" aria-label="Dial pad">
      ${keys.map(
        ([digit, letters, spoken]) =>
          html`<button
            type="button"
            aria-label=${spoken}
            data-testid="key-${spoken}"
            ?disabled=${this.disabled}
            @click=${() => this.dispatchEvent(new CustomEvent("digit", { detail: digit }))}
          >
            ${digit}<small aria-hidden="true">${letters}</small>
          </button>`,
      )}
    </div>`;
  }
}
