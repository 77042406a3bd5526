import { css, html, type CSSResultGroup, type PropertyDeclarations, type TemplateResult } from "lit";
import { DeskElement } from "./deskElement.ts";
import { icons } from "./icons.ts";
import { shared } from "./shared.ts";

/** Number entry and dial pad. */
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
    const { arbiter, ims } = this.desk;
    const idle = !arbiter.busy;
    // During a call its card stands here instead; what was typed stays.
    if (!idle && arbiter.view?.phase !== "incoming") return html``;
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
