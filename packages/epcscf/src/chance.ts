import type { Random } from "@portico/sip";

/** A number from 0 up to 1, evenly. */
export const chance = (random: Random): number => Number.parseInt(random.token(6), 36) / 36 ** 6;
