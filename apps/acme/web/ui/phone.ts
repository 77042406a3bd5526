import { css, html, type CSSResultGroup, type PropertyDeclarations, type TemplateResult } from "lit";
import { formatNumber } from "../phoneNumber.ts";
import { DeskElement } from "./deskElement.ts";
import { icons } from "./icons.ts";
import { shared } from "./shared.ts";

/** Number entry, dial pad and speed dials. */
export class AcmePhone extends DeskElement {
  static override properties: PropertyDeclarations = { ...DeskElement.properties, number: { state: true } };
  declare number: string;

  static override styles: CSSResultGroup = [
    shared,
    css`
      section {
        padding: 1.25rem;
      }

      h2 {
        margin-bottom: 0.75rem;
        font-size: 1.05rem;
      }

      .emergency {
        margin-bottom: 0.75rem;
        padding: 0.5rem 0.8rem;
        font-size: 0.9rem;
        color: var(--warn);
        background: var(--warn-soft);
        border-radius: 10px;
      }

      .entry {
        position: relative;
        margin-bottom: 0.75rem;
      }

      input {
        width: 100%;
        min-height: 52px;
        padding: 0 3.25rem 0 1rem;
        font-size: 1.25rem;
        font-variant-numeric: tabular-nums;
        background: var(--surface);
        border: 1px solid var(--edge);
        border-radius: 10px;
      }

      input::placeholder {
        font-size: 1rem;
        color: var(--soft);
      }

      .entry button {
        position: absolute;
        inset: 4px 4px auto auto;
        padding: 0;
        background: transparent;
      }

      .go {
        width: 100%;
        min-height: 52px;
        margin-top: 0.75rem;
      }

      h3 {
        margin: 1.5rem 0 0.5rem;
        font-size: 0.9rem;
        color: var(--soft);
      }

      .dials {
        display: grid;
        gap: 0.5rem;
      }

      .dials button {
        flex-wrap: wrap;
        justify-content: space-between;
        gap: 0 0.75rem;
        width: 100%;
        min-height: 48px;
        padding: 0.35rem 1rem;
        text-align: start;
      }

      .dials .soft {
        font-weight: 400;
        font-size: 0.92rem;
        white-space: nowrap;
      }

      .off {
        margin-top: 0.75rem;
        font-size: 0.9rem;
      }
    `,
  ];

  constructor() {
    super();
    this.number = "";
  }

  override render(): TemplateResult {
    const { arbiter, me, ims } = this.desk;
    const idle = !arbiter.busy;
    return html`<section class="card" aria-labelledby="heading">
      <h2 id="heading">Call a number</h2>
      <p class="emergency" data-testid="emergency-notice">
        <strong>No emergency calls from here.</strong> For 112 or 911 use a mobile or fixed telephone.
      </p>
      <form @submit=${this.#submit}>
        <div class="entry">
          <label class="unseen" for="number">Telephone number</label>
          <input
            id="number"
            type="tel"
            inputmode="tel"
            autocomplete="off"
            maxlength="40"
            placeholder="+1 212 555 0100"
            data-testid="number"
            .value=${this.number}
            @input=${(event: InputEvent) => (this.number = (event.target as HTMLInputElement).value)}
          />
          ${
            this.number === ""
              ? ""
              : html`<button type="button" aria-label="Delete the last digit" @click=${this.#erase}>
                  ${icons.erase}
                </button>`
          }
        </div>
        <acme-dial-pad @digit=${(event: CustomEvent<string>) => (this.number += event.detail)}></acme-dial-pad>
        <button class="go" type="submit" data-testid="call" ?disabled=${!idle || this.number.trim() === ""}>
          ${icons.call} Call
        </button>
      </form>
      ${
        ims.name === "registered"
          ? ""
          : html`<p class="soft off">Numbers can be called once the telephone network is connected.</p>`
      }
      ${
        me.speedDials.length === 0
          ? ""
          : html`<h3 id="speed">Speed dials</h3>
              <ul class="dials" aria-labelledby="speed">
                ${me.speedDials.map(
                  ({ label, number }) =>
                    html`<li>
                      <button
                        type="button"
                        data-testid="speed-${number}"
                        ?disabled=${!idle}
                        @click=${() => this.desk.call({ number })}
                      >
                        <span>${label}</span><span class="soft numeric">${formatNumber(number)}</span>
                      </button>
                    </li>`,
                )}
              </ul>`
      }
    </section>`;
  }

  readonly #submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (this.number.trim() === "") return;
    this.desk.call({ number: this.number });
    this.number = "";
  };

  readonly #erase = (): void => {
    this.number = this.number.trimEnd().slice(0, -1);
    this.renderRoot.querySelector("input")?.focus();
  };
}
