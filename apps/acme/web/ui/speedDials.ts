import { html, type CSSResultGroup, type TemplateResult } from "lit";
import { formatNumber } from "../phoneNumber.ts";
import { DeskElement } from "./deskElement.ts";
import { icons } from "./icons.ts";
import { rows } from "./rows.ts";
import { shared } from "./shared.ts";

/** Numbers that the company offers ready to call. */
export class AcmeSpeedDials extends DeskElement {
  static override styles: CSSResultGroup = [shared, rows];

  override render(): TemplateResult {
    const { arbiter, me, ims } = this.desk;
    if (me.speedDials.length === 0) return html``;
    return html`<section class="card" aria-labelledby="heading">
      <h2 id="heading">Speed dials</h2>
      <ul>
        ${me.speedDials.map(
          ({ label, number }) =>
            html`<li>
              <div class="who">
                <p class="name">${label}</p>
                <p class="soft numeric"><span>${formatNumber(number)}</span></p>
              </div>
              <button
                type="button"
                data-testid="speed-${number}"
                aria-label="Call ${label}"
                ?disabled=${arbiter.busy || ims.name !== "registered"}
                @click=${() => this.desk.call({ number })}
              >
                ${icons.call}<span class="word">Call</span>
              </button>
            </li>`,
        )}
      </ul>
    </section>`;
  }
}
