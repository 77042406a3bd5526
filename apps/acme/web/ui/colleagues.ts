import { css, html, type CSSResultGroup, type TemplateResult } from "lit";
import type { Colleague } from "../api.ts";
import { formatNumber } from "../phoneNumber.ts";
import { DeskElement } from "./deskElement.ts";
import { icons } from "./icons.ts";
import { rows } from "./rows.ts";
import { shared } from "./shared.ts";

const words: Record<Colleague["presence"], string> = { online: "Online", busy: "On a call", offline: "Offline" };

/** The directory: who is there, and a way to call each. */
export class AcmeColleagues extends DeskElement {
  static override styles: CSSResultGroup = [
    shared,
    rows,
    css`
      .face {
        position: relative;
        flex: none;
        display: grid;
        place-items: center;
        width: 44px;
        height: 44px;
        font-weight: 650;
        color: var(--accent);
        background: var(--accent-soft);
        border-radius: 50%;
      }

      .face::after {
        content: "";
        position: absolute;
        right: -1px;
        bottom: -1px;
        width: 14px;
        height: 14px;
        background: var(--surface);
        border: 3px solid var(--edge);
        outline: 2px solid var(--surface);
        border-radius: 50%;
      }

      .online .face::after {
        background: var(--go);
        border-color: var(--go);
      }

      .busy .face::after {
        background: var(--stop);
        border-color: var(--stop);
      }
    `,
  ];

  override render(): TemplateResult {
    const { colleagues, linked } = this.desk;
    return html`<section class="card" aria-labelledby="heading">
      <h2 id="heading">Colleagues</h2>
      ${
        colleagues.length === 0
          ? html`<p class="soft">${linked ? "Nobody else works here yet." : "Loading the list …"}</p>`
          : html`<ul data-testid="colleagues">
              ${colleagues.map((colleague) => this.#row(colleague))}
            </ul>`
      }
    </section>`;
  }

  #row({ id, name, presence, tel }: Colleague): TemplateResult {
    const { arbiter, linked, ims } = this.desk;
    const shown = linked ? presence : "offline";
    const byPhone = presence === "offline" || !linked;
    const possible = byPhone ? tel !== undefined && ims.name === "registered" : true;
    const how = byPhone ? "by telephone" : "directly";
    const initials = name
      .split(" ")
      .map(([letter]) => letter)
      .join("");
    return html`<li class=${shown} data-testid="colleague-${id}" data-presence=${shown}>
      <span class="face" aria-hidden="true">${initials}</span>
      <div class="who">
        <p class="name">${name}</p>
        <p class="soft numeric">
          <span>${words[shown]}</span
          ><span>${tel === undefined ? (byPhone ? "no number yet" : "") : formatNumber(tel)}</span>
        </p>
      </div>
      <button
        type="button"
        class="go"
        data-testid="call-${id}"
        aria-label="Call ${name} ${how}"
        ?disabled=${arbiter.busy || !possible}
        @click=${() => this.desk.call({ user: id })}
      >
        ${icons.call}<span class="word">Call</span>
      </button>
    </li>`;
  }
}
