import { css, html, type CSSResultGroup, type PropertyDeclarations, type TemplateResult } from "lit";
import type { ImsStatus } from "../call/imsLine.ts";
import type { Desk } from "../desk.ts";
import { formatNumber } from "../phoneNumber.ts";
import { DeskElement } from "./deskElement.ts";
import { icons } from "./icons.ts";
import { shared } from "./shared.ts";

/** Company, user, own number and the state of things, and the way out. */
export class AcmeStatusBar extends DeskElement {
  static override properties: PropertyDeclarations = { ...DeskElement.properties, leaving: { state: true } };
  declare leaving: boolean;
  #tick: ReturnType<typeof setTimeout> | undefined;

  static override styles: CSSResultGroup = [
    shared,
    css`
      header {
        background: var(--surface);
        border-bottom: 1px solid var(--line);
      }

      .row {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 0.5rem 1.25rem;
        width: min(64rem, 100% - 2rem);
        margin: 0 auto;
        padding: 0.75rem 0;
      }

      .brand {
        display: flex;
        align-items: center;
        gap: 0.6rem;
        font-weight: 650;
      }

      .who {
        flex: 1;
        min-width: 10rem;
        line-height: 1.35;
      }

      .name {
        font-weight: 600;
      }

      .line {
        display: flex;
        align-items: baseline;
        gap: 0.5rem;
        font-size: 0.92rem;
      }

      .line::before {
        content: "";
        flex: none;
        align-self: center;
        width: 10px;
        height: 10px;
        background: var(--edge);
        border-radius: 50%;
      }

      .registered::before {
        background: var(--go);
      }

      .ended::before {
        background: var(--stop);
      }

      .connecting::before,
      .reconnecting::before {
        background: var(--warn);
      }

      @media (width < 34rem) {
        .row {
          gap: 0.25rem 0.75rem;
        }

        .brand {
          flex: 1;
        }

        .who {
          order: 3;
          flex-basis: 100%;
        }
      }
    `,
  ];

  constructor() {
    super();
    this.leaving = false;
  }

  override render(): TemplateResult {
    const { me, ims } = this.desk;
    return html`<header>
      <div class="row">
        <p class="brand"><img src="/assets/icon.svg" alt="" width="28" height="28" /> ${me.company} Talk</p>
        <div class="who">
          <p class="name" data-testid="me">${me.name}</p>
          <p class="line soft numeric ${ims.name}" data-testid="ims-state" data-state=${ims.name}>
            ${describe(this.desk)}
          </p>
          <p class="unseen" role="status" data-testid="ims-announcement">${words[ims.name]}</p>
        </div>
        <button type="button" class="quiet" data-testid="sign-out" ?disabled=${this.leaving} @click=${this.#leave}>
          ${icons.signOut} ${this.leaving ? "Signing out …" : "Sign out"}
        </button>
      </div>
    </header>`;
  }

  /** While an attempt is waited for, the next second shows. */
  override updated(): void {
    clearTimeout(this.#tick);
    const ms = untilRetry(this.desk.ims);
    if (ms > 0) this.#tick = setTimeout(() => this.requestUpdate(), ms % 1000 || 1000);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#tick);
  }

  readonly #leave = (): void => {
    this.leaving = true;
    void this.desk.signOut();
  };
}

/** What is told, once a state; the seconds of a wait are for eyes only, since they change too often for ears. */
const words: Record<ImsStatus["name"], string> = {
  offline: "Not connected",
  connecting: "Connecting to the telephone network …",
  registered: "Connected to the telephone network",
  reconnecting: "Reconnecting to the telephone network …",
  ended: "No telephone network",
};

/** One line of truth about the telephone network. */
function describe({ ims, tel }: Desk): string {
  if (tel !== undefined) return `Your number ${formatNumber(tel)}`;
  const seconds = Math.ceil(untilRetry(ims) / 1000);
  if (seconds === 0) return words[ims.name];
  return `${ims.name === "reconnecting" ? "Reconnecting" : "Connecting"} in ${seconds} s`;
}

/** Milliseconds until the next attempt; 0 when none is waited for. */
function untilRetry({ retryAt }: ImsStatus): number {
  return Math.max(0, (retryAt ?? 0) - performance.now());
}
