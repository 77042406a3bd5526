import { css, html, LitElement, type CSSResultGroup, type TemplateResult } from "lit";
import { shared } from "./shared.ts";

/** The page before sign-in. */
export class AcmeLanding extends LitElement {
  static override properties = { ended: { type: Boolean } };
  /** True when there was a session that has ended. */
  declare ended: boolean;

  static override styles: CSSResultGroup = [
    shared,
    css`
      main {
        width: min(34rem, 100% - 2rem);
        margin: clamp(1.5rem, 14vh, 9rem) auto 2rem;
      }

      .brand {
        display: flex;
        align-items: center;
        gap: 0.6rem;
        margin-bottom: 2rem;
        font-weight: 650;
      }

      h1 {
        font-size: clamp(1.9rem, 6vw, 2.75rem);
        line-height: 1.12;
        letter-spacing: -0.02em;
        text-wrap: balance;
      }

      h1 + p {
        margin: 1rem 0 2rem;
        font-size: 1.1rem;
      }

      a.button {
        display: inline-flex;
        align-items: center;
        min-height: 52px;
        padding: 0 1.75rem;
        font-weight: 650;
        font-size: 1.05rem;
        text-decoration: none;
        color: var(--on-accent);
        background: var(--accent);
        border-radius: 12px;
      }

      .warn,
      .ended {
        margin-top: 2.5rem;
        padding: 0.85rem 1rem;
        color: var(--warn);
        background: var(--warn-soft);
        border-radius: 10px;
      }

      .ended {
        margin: 0 0 1.5rem;
      }
    `,
  ];

  override render(): TemplateResult {
    return html`<main>
      <p class="brand"><img src="/assets/icon.svg" alt="" width="32" height="32" /> Acme Talk</p>
      ${this.ended ? html`<p class="ended" role="status">Your session has ended. Sign in again to go on.</p>` : ""}
      <h1>Your telephone, in this page</h1>
      <p class="soft">
        Talk to colleagues straight from browser to browser, and to every telephone under your own number. Nothing to
        install, no second password.
      </p>
      <a class="button" href="/login" data-testid="sign-in">Sign in with your Acme account</a>
      <p class="warn" data-testid="emergency-notice">
        <strong>No emergency calls.</strong> 112, 911 and other emergency numbers cannot be reached from here. Use a
        mobile or fixed telephone.
      </p>
    </main>`;
  }
}
