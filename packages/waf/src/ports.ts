/** Wall clock: milliseconds since the epoch. Token claims are wall-clock times (RFC 7519 §2). */
export type Now = () => number;

/** Chance; must be unguessable in production, since tokens are made of it. */
export interface Random {
  /** A string of `length` characters out of `[a-z0-9]`. */
  token(length: number): string;
}

/** Calls once after so many milliseconds. @returns calls it off */
export type SetTimer = (ms: number, fire: () => void) => () => void;
