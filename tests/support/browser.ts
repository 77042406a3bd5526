import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { toneWav, type TonePattern } from "./toneFile.ts";

const chromiumPath: string = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
export const hasChromium: boolean = existsSync(chromiumPath);

/** A Chromium with one person in front of it: her microphone plays a tone pattern. */
export interface Person {
  readonly page: Page;
  readonly context: BrowserContext;
  close(): Promise<void>;
}

export interface PersonOptions {
  /** Let WebRTC use 127.0.0.1, which browsers do not by themselves. */
  readonly loopback: boolean;
  /** She has told her browser to go on although it does not know the certificate's authority. */
  readonly untrusted?: boolean;
}

export async function openPerson(tone: TonePattern, options: PersonOptions): Promise<Person> {
  const folder = mkdtempSync(join(tmpdir(), "portico-ears-"));
  const wav = join(folder, "microphone.wav");
  writeFileSync(wav, toneWav(tone));
  const browser: Browser = await chromium.launch({
    executablePath: chromiumPath,
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-audio-capture=${wav}`,
      "--autoplay-policy=no-user-gesture-required",
      ...(options.loopback ? ["--allow-loopback-in-peer-connection"] : []),
    ],
  });
  const context = await browser.newContext({
    viewport: { width: 1100, height: 800 },
    ignoreHTTPSErrors: options.untrusted ?? false,
  });
  const page = await context.newPage();
  return {
    page,
    context,
    close: async () => {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
