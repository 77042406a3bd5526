import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** True where the browser tests can run; with CI=true they run anyway, and fail without a browser. */
export const hasChromium: boolean = existsSync(executablePath) || process.env["CI"] === "true";

/** A browser whose microphone hears a tone: half a second on, a quarter off. */
export interface ToneBrowser {
  readonly browser: Browser;
  close(): Promise<void>;
}

export async function launch(hertz: number): Promise<ToneBrowser> {
  const folder = mkdtempSync(join(tmpdir(), "acme-tone-"));
  const file = join(folder, "tone.wav");
  writeFileSync(file, wave(hertz));
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-audio-capture=${file}`,
      "--autoplay-policy=no-user-gesture-required",
      "--allow-loopback-in-peer-connection",
      "--disable-background-networking",
    ],
  });
  return {
    browser,
    close: async () => {
      await browser.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A page of the site; what it complains of goes to `complaints`. */
export async function visit(
  { browser }: ToneBrowser,
  url: string,
  complaints: string[],
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext(options);
  // Echo cancellation takes a steady tone for noise: the microphone as it is.
  await context.addInitScript(() => {
    const { mediaDevices } = navigator;
    const open = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = (): Promise<MediaStream> =>
      open({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url);
  return page;
}

/** The strongest frequency in hertz that the page hears from the other side now; 0: silence. */
export function hears(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const { srcObject } = document.querySelector("#remote-audio") as HTMLAudioElement;
    if (!(srcObject instanceof MediaStream)) return 0;
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaStreamSource(srcObject).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    let [peak, level] = [0, -60];
    const until = performance.now() + 1000;
    while (performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      analyser.getFloatFrequencyData(bins);
      for (const [bin, decibel] of bins.entries()) if (decibel > level) [peak, level] = [bin, decibel];
    }
    const hertz = (peak * context.sampleRate) / analyser.fftSize;
    await context.close();
    return hertz;
  });
}

/** One and a half second of 48 kHz mono, 16 bits; the browser plays it over and over. */
function wave(hertz: number): Buffer {
  const rate = 48_000;
  const samples = Buffer.alloc(rate * 1.5 * 2);
  for (let at = 0; at < rate * 1.5; at += 1) {
    const on = at % (rate * 0.75) < rate * 0.5;
    samples.writeInt16LE(on ? Math.round(12_000 * Math.sin((2 * Math.PI * hertz * at) / rate)) : 0, at * 2);
  }
  const header = Buffer.alloc(44);
  header.write("RIFF");
  header.writeUInt32LE(36 + samples.length, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples]);
}
