import { css, html, LitElement, type CSSResultGroup, type TemplateResult } from "lit";
import { api, ApiError, type Problem } from "../api.ts";
import { nameOf } from "../call/endings.ts";
import { Desk } from "../desk.ts";
import { shared } from "./shared.ts";

/** The page: the landing before sign-in, the desk after. */
export class AcmeApp extends LitElement {
  static override styles: CSSResultGroup = [
    shared,
    css`
      main {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(0, 24rem);
        gap: 1rem;
        align-items: start;
        width: min(64rem, 100%);
        margin: 0 auto;
        padding: 1rem;
      }

      .column {
        display: grid;
        gap: 1rem;
      }

      .notice {
        grid-column: 1 / -1;
        padding: 0.85rem 1rem;
        color: var(--warn);
        background: var(--warn-soft);
        border-radius: 10px;
      }

      .loading {
        margin: 30vh auto;
        text-align: center;
      }

      footer {
        width: min(64rem, 100%);
        margin: 0 auto;
        padding: 0 1rem 1.5rem;
        font-size: 0.9rem;
      }

      @media (width < 50rem) {
        main {
          grid-template-columns: minmax(0, 1fr);
        }

        .calling .phone {
          order: -1;
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
      <main class=${live ? "calling" : ""}>
        ${this.#renderNotice(desk)}
        <acme-colleagues .desk=${desk}></acme-colleagues>
        <div class="column phone">
          ${calling ? html`<acme-call-card .desk=${desk}></acme-call-card>` : ""}
          <acme-phone .desk=${desk} ?hidden=${live}></acme-phone>
        </div>
      </main>
      <footer class="soft" data-testid="emergency-notice">
        <strong>No emergency calls.</strong> 112, 911 and other emergency numbers cannot be reached from here. Use a
        mobile or fixed telephone.
      </footer>
      <acme-incoming .desk=${desk}></acme-incoming>`;
  }

  #renderNotice(desk: Desk): TemplateResult | "" {
    if (!desk.linked)
      return html`<p class="notice" role="status">Connecting to Acme … Colleagues show as offline until then.</p>`;
    const { problem, ims } = desk;
    if (problem !== undefined)
      return html`<p class="notice" role="status" data-testid="problem">
        <strong>${problem.title}.</strong> ${problem.detail} ${problem.remedy}
      </p>`;
    if ((ims.name === "reconnecting" || ims.name === "ended") && ims.reason !== undefined)
      return html`<p class="notice" role="status" data-testid="problem">
        <strong>${ims.reason}.</strong> Calls to colleagues work.
      </p>`;
    return "";
  }

  async #enter(): Promise<void> {
    const audio = document.querySelector<HTMLAudioElement>("#remote-audio");
    if (audio === null) return;
    try {
      const desk = new Desk(await api.me(), audio);
      this.#desk = desk;
      desk.changed.add(() => {
        document.title = titleOf(desk);
        this.requestUpdate();
      });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.#landing = true;
      else {
        this.#problem = error instanceof ApiError ? error.problem : undefined;
        this.#retry = setTimeout(() => void this.#enter(), 3000);
      }
    }
    this.requestUpdate();
  }
}

/** For ears: what has just changed about the call. */
function announce({ arbiter: { view } }: Desk): string {
  if (view === undefined) return "";
  const who = nameOf(view.party);
  switch (view.phase) {
    case "incoming":
      return `Incoming call from ${who}`;
    case "calling":
      return view.note ?? `Calling ${who}`;
    case "ringing":
      return `Ringing at ${who}`;
    case "connecting":
      return `Connecting to ${who}`;
    case "active":
      return `Connected to ${who}${view.muted ? ", you are muted" : ""}`;
    case "held":
      return `${who} has put you on hold`;
    case "ended":
      return [view.end?.title, view.end?.advice].filter(Boolean).join(". ");
  }
}

function titleOf({ arbiter: { view } }: Desk): string {
  if (view === undefined || view.phase === "ended") return "Acme Talk";
  return `${view.phase === "incoming" ? "☎ " : ""}${nameOf(view.party)} – Acme Talk`;
}
