import { css, html, LitElement, type CSSResultGroup, type TemplateResult } from "lit";
import { api, ApiError, type Problem } from "../api.ts";
import { nameOf } from "../call/endings.ts";
import type { CallView, Phase } from "../call/view.ts";
import { Desk } from "../desk.ts";
import { shared } from "./shared.ts";

/** The page: the landing before sign-in, the desk after. */
export class AcmeApp extends LitElement {
  static override styles: CSSResultGroup = [
    shared,
    css`
      .notice,
      main {
        width: min(64rem, 100% - 2rem);
        margin: 1rem auto;
      }

      .notice {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 0.5rem 1rem;
        padding: 0.85rem 1rem;
        color: var(--warn);
        background: var(--warn-soft);
        border-radius: 10px;
      }

      .notice button {
        color: var(--text);
        background: var(--surface);
      }

      main {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(0, 24rem);
        gap: 1rem;
        align-items: start;
      }

      .column {
        display: grid;
        gap: 1rem;
      }

      .loading {
        margin: 30vh auto;
        text-align: center;
      }

      @media (width < 50rem) {
        main {
          display: flex;
          flex-direction: column;
          align-items: stretch;
        }

        .column {
          display: contents;
        }

        acme-call-card {
          order: -1;
        }

        acme-speed-dials {
          order: 1;
        }
      }
    `,
  ];
  #desk: Desk | undefined;
  #problem: Problem | undefined;
  #landing = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#enter();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#retry);
  }

  override render(): TemplateResult {
    const desk = this.#desk;
    if (desk !== undefined && !desk.signedOut) return this.#renderDesk(desk);
    if (this.#landing || desk !== undefined) return html`<acme-landing ?ended=${desk !== undefined}></acme-landing>`;
    return html`<p class="loading soft" role="status">
      ${this.#problem === undefined ? "Signing in …" : `${this.#problem.title}. ${this.#problem.remedy}`}
    </p>`;
  }

  #renderDesk(desk: Desk): TemplateResult {
    const { view } = desk.arbiter;
    const calling = view !== undefined && view.phase !== "incoming";
    const live = calling && view.phase !== "ended";
    return html`<acme-status-bar .desk=${desk}></acme-status-bar>
      <p class="unseen" role="status" data-testid="announcement">${announce(desk)}</p>
      ${this.#renderNotice(desk)}
      <main>
        <div class="column">
          <acme-colleagues .desk=${desk}></acme-colleagues>
          <acme-speed-dials .desk=${desk}></acme-speed-dials>
        </div>
        <div class="column">
          ${calling ? html`<acme-call-card .desk=${desk}></acme-call-card>` : ""}
          <acme-phone .desk=${desk} ?hidden=${live}></acme-phone>
        </div>
      </main>
      <acme-incoming .desk=${desk}></acme-incoming>`;
  }

  #renderNotice(desk: Desk): TemplateResult | "" {
    if (desk.sessionOver)
      return html`<div class="notice">
        <p role="status">Your session at Acme has ended. Finish this call; then sign in again.</p>
      </div>`;
    if (!desk.linked)
      return html`<div class="notice">
        <p role="status">Connecting to Acme … Colleagues show as offline until then.</p>
      </div>`;
    const { trouble } = desk;
    if (trouble === undefined) return "";
    const { title, detail, remedy } = trouble;
    return html`<div class="notice">
      <p role="status" data-testid="problem"><strong>${title}.</strong> ${detail} ${remedy}</p>
      ${
        desk.ims.name === "ended"
          ? html`<button type="button" data-testid="reconnect" @click=${() => desk.reconnect()}>Try again</button>`
          : ""
      }
    </div>`;
  }

  async #enter(): Promise<void> {
    const audio = document.querySelector<HTMLAudioElement>("#remote-audio");
    if (audio === null) return;
    try {
      const me = await api.me();
      this.#landing = me === null;
      if (me === null) return;
      const desk = new Desk(me, audio);
      this.#desk = desk;
      desk.changed.add(() => {
        document.title = titleOf(desk);
        this.requestUpdate();
      });
    } catch (error) {
      this.#problem = error instanceof ApiError ? error.problem : undefined;
      this.#retry = setTimeout(() => void this.#enter(), 3000);
    } finally {
      this.requestUpdate();
    }
  }
}

/** For ears: what has just changed about the call. */
const spoken: Record<Phase, (who: string, view: CallView) => string> = {
  incoming: (who) => `Incoming call from ${who}`,
  calling: (who, { note }) => note ?? `Calling ${who}`,
  ringing: (who) => `Ringing at ${who}`,
  connecting: (who) => `Connecting to ${who}`,
  active: (who, { muted }) => `Connected to ${who}${muted ? ", you are muted" : ""}`,
  held: (who) => `${who} has put you on hold`,
  ended: (_, { end }) => [end?.title, end?.advice].filter(Boolean).join(". "),
};

function announce({ arbiter: { view } }: Desk): string {
  return view === undefined ? "" : spoken[view.phase](nameOf(view.party), view);
}

function titleOf({ arbiter: { view } }: Desk): string {
  if (view === undefined || view.phase === "ended") return "Acme Talk";
  return `${view.phase === "incoming" ? "☎ " : ""}${nameOf(view.party)} – Acme Talk`;
}
