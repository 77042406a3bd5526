import { css, html, type CSSResultGroup, type PropertyDeclarations, type TemplateResult } from "lit";
import { nameOf } from "../call/endings.ts";
import type { CallView, Phase } from "../call/view.ts";
import { formatNumber } from "../phoneNumber.ts";
import { DeskElement } from "./deskElement.ts";
import { icons } from "./icons.ts";
import { shared } from "./shared.ts";

const words: Record<Phase, string> = {
  incoming: "Incoming call",
  calling: "Calling …",
  ringing: "Ringing …",
  connecting: "Connecting …",
  active: "On the call",
  held: "On hold by the other side",
  ended: "Call ended",
};

const paths = { direct: "Direct", ims: "Telephone network" } as const;

/** The call of this page, while there is one, and how it ended. */
export class AcmeCallCard extends DeskElement {
  static override properties: PropertyDeclarations = { ...DeskElement.properties, keypad: { state: true } };
  declare keypad: boolean;
  #clock: ReturnType<typeof setInterval> | undefined;

  static override styles: CSSResultGroup = [
    shared,
    css`
      section {
        padding: 1.5rem 1.25rem;
        text-align: center;
      }

      .live {
        border-color: var(--accent);
      }

      .path {
        display: inline-block;
        padding: 0.15rem 0.75rem;
        font-size: 0.85rem;
        font-weight: 600;
        color: var(--accent);
        background: var(--accent-soft);
        border-radius: 99px;
      }

      h2 {
        margin-top: 0.75rem;
        font-size: 1.5rem;
        line-height: 1.25;
        overflow-wrap: anywhere;
      }

      .state {
        margin-top: 0.5rem;
        font-size: 1.1rem;
      }

      .note {
        margin-top: 0.5rem;
        font-size: 0.9rem;
        color: var(--warn);
      }

      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        margin-top: 1.25rem;
      }

      .actions button {
        flex: 1 1 7rem;
        min-height: 52px;
      }

      .actions .stop {
        flex-basis: 100%;
      }

      h2:focus-visible {
        outline: 0;
      }

      button[aria-pressed="true"],
      button[aria-expanded="true"] {
        color: var(--accent);
        border-color: currentColor;
      }

      acme-dial-pad {
        display: block;
        margin-top: 1rem;
      }

      .sent {
        min-height: 1.5rem;
        margin-top: 0.75rem;
        letter-spacing: 0.15em;
        overflow-wrap: anywhere;
      }

      .over {
        padding: 1rem 1rem 1rem 1.25rem;
        text-align: start;
      }

      .over h2 {
        margin: 0;
        font-size: 1.05rem;
      }

      .over .head {
        display: flex;
        align-items: start;
        justify-content: space-between;
        gap: 0.5rem;
      }

      .over .head h2 {
        padding-top: 0.55rem;
      }

      .over .soft {
        margin-top: 0.25rem;
      }

      .over .again {
        margin-top: 0.75rem;
      }

      .failed h2 {
        color: var(--stop);
      }
    `,
  ];
  #sent = "";
  #stage: "none" | "live" | "over" = "none";

  constructor() {
    super();
    this.keypad = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("keydown", this.#key);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("keydown", this.#key);
    this.#tick(false);
  }

  override render(): TemplateResult {
    const { view } = this.desk.arbiter;
    this.#tick(view?.since !== undefined);
    if (view === undefined || view.phase === "incoming") return html``;
    if (view.phase === "ended") {
      this.keypad = false;
      this.#sent = "";
      return this.#over(view);
    }
    const { path, party, muted, note } = view;
    const talking = view.phase === "active" || view.phase === "held";
    return html`<section class="card live" aria-labelledby="name" data-testid="call-card" data-phase=${view.phase}>
      <p class="path" data-testid="path">${paths[path]}</p>
      <h2 id="name" tabindex="-1" data-testid="peer">${nameOf(party)}</h2>
      ${
        party.name !== undefined && party.number !== undefined && path === "ims"
          ? html`<p class="soft numeric">${formatNumber(party.number)}</p>`
          : ""
      }
      <p class="state numeric" data-testid="call-state">
        ${view.phase === "active" && view.since !== undefined ? duration((performance.now() - view.since) / 1000) : words[view.phase]}
      </p>
      ${note === undefined || talking ? "" : html`<p class="note">${note}</p>`}
      <div class="actions">
        <button
          type="button"
          data-testid="mute"
          aria-pressed=${muted}
          @click=${() => this.desk.arbiter.setMuted(!muted)}
        >
          ${muted ? icons.muted : icons.microphone} ${muted ? "Muted" : "Mute"}
        </button>
        ${
          path === "ims"
            ? html`<button
                type="button"
                data-testid="keypad"
                aria-expanded=${this.keypad}
                ?disabled=${!talking}
                @click=${() => (this.keypad = !this.keypad)}
              >
                ${icons.keypad} Keypad
              </button>`
            : ""
        }
        <button type="button" class="stop" data-testid="hang-up" @click=${() => this.desk.arbiter.hangUp()}>
          ${icons.hangUp} ${talking ? "Hang up" : "Cancel"}
        </button>
      </div>
      ${
        this.keypad && talking && path === "ims"
          ? html`<p class="sent numeric" aria-live="polite" data-testid="digits-sent">${this.#sent}</p>
              <acme-dial-pad @digit=${this.#digit}></acme-dial-pad>`
          : ""
      }
    </section>`;
  }

  /** The button that began or ended the call is gone: the keyboard goes on from the card's heading. */
  override updated(): void {
    const phase = this.desk.arbiter.view?.phase;
    const stage = phase === undefined || phase === "incoming" ? "none" : phase === "ended" ? "over" : "live";
    if (stage !== this.#stage && stage !== "none") this.renderRoot.querySelector<HTMLElement>("h2")?.focus();
    this.#stage = stage;
  }

  #over(view: CallView): TemplateResult {
    const { end, seconds, party } = view;
    return html`<section
      class="card over ${end?.failed ? "failed" : ""}"
      data-testid="call-ended"
      aria-label="Last call"
    >
      <div class="head">
        <h2 tabindex="-1">${end?.title}</h2>
        <button type="button" class="quiet" aria-label="Close this notice" @click=${() => this.desk.arbiter.dismiss()}>
          ${icons.close}
        </button>
      </div>
      ${seconds ? html`<p class="soft numeric">${nameOf(party)} · ${duration(seconds)}</p>` : ""}
      ${end?.advice === undefined ? "" : html`<p class="soft">${end.advice}</p>`}
      ${
        party.user === undefined && party.number === undefined
          ? ""
          : html`<button type="button" class="again" data-testid="call-again" @click=${() => this.#again(view)}>
              ${icons.call} Call ${view.direction === "in" ? "back" : "again"}
            </button>`
      }
    </section>`;
  }

  #again({ party: { user, number } }: CallView): void {
    if (user !== undefined) this.desk.call({ user });
    else if (number !== undefined) this.desk.call({ number });
  }

  readonly #digit = ({ detail }: CustomEvent<string>): void => this.#send(detail);

  /** With the keypad open, the keys of the keyboard are keys of the telephone. */
  readonly #key = ({ key, ctrlKey, metaKey, altKey }: KeyboardEvent): void => {
    if (this.keypad && !ctrlKey && !metaKey && !altKey && /^[\d*#]$/.test(key)) this.#send(key);
  };

  #send(digit: string): void {
    if (!this.desk.arbiter.sendDigit(digit)) return;
    this.#sent = (this.#sent + digit).slice(-24);
    this.requestUpdate();
  }

  /** Once a second while somebody talks. */
  #tick(wanted: boolean): void {
    if (wanted === (this.#clock !== undefined)) return;
    clearInterval(this.#clock);
    this.#clock = wanted ? setInterval(() => this.requestUpdate(), 1000) : undefined;
  }
}

/** 3:07, or 1:03:07. */
function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

const two = (value: number): string => String(value).padStart(2, "0");
