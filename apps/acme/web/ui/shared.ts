import { css, type CSSResult } from "lit";

/** What every component of the page has in common. */
export const shared: CSSResult = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  :host([hidden]) {
    display: none;
  }

  h1,
  h2,
  h3,
  p,
  ul {
    margin: 0;
    padding: 0;
  }

  ul {
    list-style: none;
  }

  :focus-visible {
    outline: 3px solid var(--accent);
    outline-offset: 2px;
  }

  button,
  input {
    font: inherit;
    color: inherit;
  }

  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 0.5rem;
    min-width: 44px;
    min-height: 44px;
    padding: 0 1rem;
    font-weight: 600;
    background: var(--raised);
    border: 1px solid transparent;
    border-radius: 10px;
    cursor: pointer;
    transition: background-color 120ms;
  }

  button:hover:not(:disabled) {
    background: color-mix(in srgb, var(--raised), var(--text) 9%);
  }

  button:disabled {
    opacity: 0.45;
    cursor: not-allowed;
  }

  button.go {
    color: var(--on-go);
    background: var(--go);
  }

  button.go:hover:not(:disabled) {
    background: color-mix(in srgb, var(--go), var(--text) 14%);
  }

  button.stop {
    color: var(--on-stop);
    background: var(--stop);
  }

  button.stop:hover:not(:disabled) {
    background: color-mix(in srgb, var(--stop), var(--text) 14%);
  }

  button.quiet {
    background: transparent;
    border-color: var(--line);
  }

  .card {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    box-shadow: var(--shadow);
  }

  .soft {
    color: var(--soft);
  }

  .numeric {
    font-variant-numeric: tabular-nums;
  }

  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  svg {
    flex: none;
    width: 20px;
    height: 20px;
    fill: none;
    stroke: currentColor;
    stroke-width: 2;
    stroke-linecap: round;
    stroke-linejoin: round;
  }

  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      animation: none !important;
      transition: none !important;
    }
  }
`;
