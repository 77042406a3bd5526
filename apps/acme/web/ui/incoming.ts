import { css, html, type CSSResultGroup, type PropertyValues, type TemplateResult } from "lit";
import { nameOf } from "../call/endings.ts";
import { formatNumber } from "../phoneNumber.ts";
import { DeskElement } from "./deskElement.ts";
import { icons } from "./icons.ts";
import { shared } from "./shared.ts";

/**
 * The dialog of an incoming call. Modal: whatever the user was at, the two answers are what the keyboard reaches. The
 * focus starts at the caller's name, so that a key pressed just then answers nothing by accident.
 */
export class AcmeIncoming extends DeskElement {
  static override styles: CSSResultGroup = [
    shared,
    css`
      dialog {
        width: min(24rem, 100% - 2rem);
        padding: 2rem 1.5rem 1.5rem;
        text-align: center;
        color: var(--text);
        background: var(--surface);
        border: 1px solid var(--line);
        border-radius: 20px;
        box-shadow: var(--shadow);
      }

      dialog::backdrop {
        background: rgb(8 16 14 / 55%);
      }

      .face {
        display: grid;
        place-items: center;
        width: 72px;
        height: 72px;
        margin: 0 auto 1rem;
        color: var(--on-go);
        background: var(--go);
        border-radius: 50%;
        animation: pulse 1.6s ease-out infinite;
      }

      .face svg {
        width: 30px;
        height: 30px;
      }

      @keyframes pulse {
        from {
          box-shadow: 0 0 0 0 color-mix(in srgb, var(--go) 45%, transparent);
        }

        to {
          box-shadow: 0 0 0 20px transparent;
        }
      }

      h2:focus-visible {
        outline: 0;
      }

      h2 {
        font-size: 1.5rem;
        line-height: 1.25;
        overflow-wrap: anywhere;
      }

      .actions {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 0.75rem;
        margin-top: 1.5rem;
      }

      .actions button {
        min-height: 56px;
      }

      .silent {
        margin-top: 1rem;
        font-size: 0.9rem;
      }
    `,
  ];

  override render(): TemplateResult {
    const { view } = this.desk.arbiter;
    if (view?.phase !== "incoming") return html``;
    const { party, path } = view;
    const how = path === "direct" ? "Direct call from a colleague" : "Call by the telephone network";
    return html`<dialog
      role="alertdialog"
      aria-labelledby="caller"
      aria-describedby="how"
      data-testid="incoming"
      @cancel=${(event: Event) => event.preventDefault()}
    >
      <span class="face" aria-hidden="true">${icons.call}</span>
      <p class="soft" id="how">${how}</p>
      <h2 id="caller" tabindex="-1" autofocus data-testid="caller">${nameOf(party)}</h2>
      ${
        party.name !== undefined && party.number !== undefined
          ? html`<p class="soft numeric">${formatNumber(party.number)}</p>`
          : ""
      }
      <div class="actions">
        <button type="button" class="stop" data-testid="decline" @click=${() => this.desk.arbiter.decline()}>
          ${icons.hangUp} Decline
        </button>
        <button type="button" class="go" data-testid="answer" @click=${() => void this.desk.arbiter.answer()}>
          ${icons.call} Answer
        </button>
      </div>
      ${
        this.desk.ringer.audible
          ? ""
          : html`<p class="soft silent">Your browser keeps this page silent until you press something in it.</p>`
      }
    </dialog>`;
  }

  override updated(_: PropertyValues): void {
    const dialog = this.renderRoot.querySelector("dialog");
    if (dialog !== null && !dialog.open) dialog.showModal();
  }
}
