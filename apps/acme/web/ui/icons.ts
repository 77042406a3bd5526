import { svg, html, type TemplateResult } from "lit";

const icon = (paths: TemplateResult): TemplateResult =>
  html`<svg viewBox="0 0 24 24" aria-hidden="true" focusable="false">${paths}</svg>`;

const handset = svg`<path d="M5 4h3.500l1.800 4.600-2.300 1.500a12 12 0 0 0 5.900 5.900l1.500-2.300 4.600 1.800v3.500a2 2 0 0 1-2.200 2A16.500 16.500 0 0 1 3 6.200 2 2 0 0 1 5 4z" />`;

export const icons = {
  call: icon(handset),
  hangUp: icon(svg`<g transform="rotate(135 12 12)">${handset}</g>`),
  microphone: icon(svg`<rect x="9" y="3" width="6" height="11" rx="3" /><path d="M5 11a7 7 0 0 0 14 0M12 18v3" />`),
  muted: icon(
    svg`<path d="M9 9v2a3 3 0 0 0 4.500 2.600M15 10V6a3 3 0 0 0-5.700-1.300M5 11a7 7 0 0 0 10.500 6.060M19 11a7 7 0 0 1-.6 2.800M12 18v3M3 3l18 18" />`,
  ),
  keypad: icon(
    svg`<path d="M6 5h.010M12 5h.010M18 5h.010M6 12h.010M12 12h.010M18 12h.010M6 19h.010M12 19h.010M18 19h.010" stroke-width="3.500" />`,
  ),
  erase: icon(svg`<path d="M9 5h11a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H9l-6-7zM12 9.500l5 5M17 9.500l-5 5" />`),
  close: icon(svg`<path d="M6 6l12 12M18 6 6 18" />`),
  signOut: icon(svg`<path d="M10 4H5a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h5M15 8l4 4-4 4M19 12H9" />`),
};
