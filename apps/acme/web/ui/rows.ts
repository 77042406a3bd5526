import { css, type CSSResult } from "lit";

/** A card with a list of people or numbers, each with a button at the end. */
export const rows: CSSResult = css`
  section {
    padding: 1.25rem;
  }

  h2 {
    margin-bottom: 0.5rem;
    font-size: 1.05rem;
  }

  li {
    display: flex;
    align-items: center;
    gap: 0.9rem;
    padding: 0.7rem 0;
  }

  li:last-child {
    padding-bottom: 0;
  }

  li + li {
    border-top: 1px solid var(--line);
  }

  .who {
    flex: 1;
    min-width: 0;
  }

  .name {
    font-weight: 600;
    overflow-wrap: anywhere;
  }

  .who .soft {
    display: flex;
    flex-wrap: wrap;
    gap: 0 0.9rem;
    font-size: 0.92rem;
  }

  .who .soft span {
    white-space: nowrap;
  }

  @media (width < 30rem) {
    .word {
      display: none;
    }
  }
`;
