import type { Page } from "playwright-core";
import { eventually } from "./eventually.ts";

/** What a page hears at one moment: the strongest frequency, Hz, and its level, dB. */
export interface Heard {
  readonly at: number;
  readonly frequency: number;
  readonly level: number;
}

/** Listens to the page's remote audio for a while. @param ms how long. */
export async function listen(page: Page, ms: number): Promise<Heard[]> {
  return await page.evaluate(async (duration) => {
    const element = document.querySelector<HTMLAudioElement>("#remote-audio");
    const stream = element?.srcObject;
    if (!(stream instanceof MediaStream) || stream.getAudioTracks().length === 0) return [];
    const context = new AudioContext();
    await context.resume();
    const analyser = context.createAnalyser();
    analyser.fftSize = 4096;
    analyser.smoothingTimeConstant = 0;
    context.createMediaStreamSource(stream).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    const heard: { at: number; frequency: number; level: number }[] = [];
    const start = performance.now();
    while (performance.now() - start < duration) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      analyser.getFloatFrequencyData(bins);
      let best = 0;
      for (let bin = 1; bin < bins.length; bin += 1) if ((bins[bin] ?? -200) > (bins[best] ?? -200)) best = bin;
      heard.push({
        at: performance.now() - start,
        frequency: (best * context.sampleRate) / analyser.fftSize,
        level: bins[best] ?? -200,
      });
    }
    await context.close();
    return heard;
  }, ms);
}

const loud = -60;

/** Listens until the tone is heard as a pattern: an active call may still be agreeing on its keys. @returns what was heard then */
export async function untilPattern(page: Page, frequency: number): Promise<readonly Heard[]> {
  return await eventually(
    () => listen(page, 1500),
    (heard) => hearsPattern(heard, frequency),
  );
}

/** True when the tone is heard in a good part of the time and silence in another: a pattern, not a hum. */
export function hearsPattern(heard: readonly Heard[], frequency: number): boolean {
  const near = heard.filter((one) => one.level > loud && Math.abs(one.frequency - frequency) < 30);
  const quiet = heard.filter((one) => one.level <= loud);
  return near.length > 0 && near.length >= heard.length * 0.2 && quiet.length >= heard.length * 0.08;
}

/** True when nothing but the tone and silence is heard. */
export function hearsOnly(heard: readonly Heard[], frequency: number): boolean {
  return (
    heard.filter((one) => one.level > loud && Math.abs(one.frequency - frequency) >= 60).length <= heard.length * 0.1
  );
}

/** True when there is silence throughout, or no stream at all. */
export const hearsNothing = (heard: readonly Heard[]): boolean => heard.every((one) => one.level <= loud);
