/** What a receiver's play-out adds at least: one packet and its jitter buffer, in milliseconds. */
const playOutMs = 40;

/**
 * Estimates the mean opinion score of a G.711 stream by the E-model (ITU-T G.107, simplified as in G.107 annex B and
 * G.113 appendix I: Ie 0, Bpl 25.1 with packet loss concealment).
 * @param loss share of packets lost, 0 to 1
 * @param jitter seconds
 * @param roundTrip seconds
 * @returns 1 to 4.5
 */
export function estimateMos(loss: number, jitter: number, roundTrip: number): number {
  const delay = roundTrip * 500 + jitter * 2000 + playOutMs;
  const delayImpairment = 0.024 * delay + (delay > 177.3 ? 0.11 * (delay - 177.3) : 0);
  const percent = loss * 100;
  const lossImpairment = (95 * percent) / (percent + 25.1);
  const r = Math.max(0, 93.2 - delayImpairment - lossImpairment);
  const score = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
  return Math.max(1, Math.min(4.5, score));
}
