import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { tone, wav } from "./tone.ts";

const executablePath = "/usr/bin/chromium";

export const hasChromium: boolean = existsSync(executablePath);

/** One Chromium whose microphone plays a tone. */
export interface ToneBrowser {
  /** A page with that microphone and one peer connection. */
  phone(): Promise<BrowserPhone>;
  close(): Promise<void>;
}

export interface BrowserPhone {
  /** An offer with one audio line and these codecs. Again: with new ICE credentials, if `restart`. */
  offer(codecs: readonly string[], restart?: boolean): Promise<string>;
  /** Takes an offer. @returns the answer */
  answer(sdp: string): Promise<string>;
  accept(sdp: string): Promise<void>;
  connection(): Promise<string>;
  /** Share of the power at a frequency in what is played, 0 to 1. */
  hears(hertz: number): Promise<number>;
  dtmf(digits: string): Promise<void>;
  /** Seconds, as the browser reckons it from our reports on its stream. */
  roundTrip(): Promise<number | undefined>;
  close(): Promise<void>;
}

/** @param loopback whether WebRTC may use 127.0.0.1, which browsers do not by themselves */
export async function openToneBrowser(hertz: number, loopback: boolean): Promise<ToneBrowser> {
  const folder = await mkdtemp(join(tmpdir(), "agw-"));
  const microphone = join(folder, "tone.wav");
  await writeFile(microphone, wav(tone(hertz, 48_000, 48_000), 48_000));
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>phone</title>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-background-networking",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-audio-capture=${microphone}`,
      "--autoplay-policy=no-user-gesture-required",
      ...(loopback ? ["--allow-loopback-in-peer-connection"] : []),
    ],
  });
  return {
    phone: async () => {
      const page = await browser.newPage();
      await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
      await page.evaluate(preparePhone);
      return {
        offer: (codecs, restart = false) =>
          page.evaluate(([names, again]) => globalThis.phone.offer(names, again), [codecs, restart] as const),
        answer: (sdp) => page.evaluate((text) => globalThis.phone.answer(text), sdp),
        accept: (sdp) => page.evaluate((text) => globalThis.phone.accept(text), sdp),
        connection: () => page.evaluate(() => globalThis.phone.connection()),
        hears: (frequency) => page.evaluate((one) => globalThis.phone.hears(one), frequency),
        dtmf: (digits) => page.evaluate((text) => globalThis.phone.dtmf(text), digits),
        roundTrip: () => page.evaluate(() => globalThis.phone.roundTrip()),
        close: () => page.close(),
      };
    },
    close: async () => {
      await browser.close();
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

interface PagePhone {
  offer(codecs: readonly string[], restart: boolean): Promise<string>;
  answer(sdp: string): Promise<string>;
  accept(sdp: string): Promise<void>;
  connection(): string;
  hears(hertz: number): number;
  dtmf(digits: string): void;
  roundTrip(): Promise<number | undefined>;
}

declare global {
  var phone: PagePhone;
}

/** Runs in the page. */
async function preparePhone(): Promise<void> {
  const connection = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  connection.addEventListener("track", ({ track }) => {
    const received = new MediaStream([track]);
    // Chromium feeds Web Audio from a remote track only while an element plays it.
    const element = new Audio();
    element.srcObject = received;
    element.muted = true;
    void element.play();
    context.createMediaStreamSource(received).connect(analyser);
  });
  const addMicrophone = (): void => {
    for (const track of stream.getTracks()) connection.addTrack(track, stream);
  };
  const gathered = async (): Promise<string> => {
    while (connection.iceGatheringState !== "complete") {
      await new Promise((resolve) => {
        connection.addEventListener("icegatheringstatechange", resolve, { once: true });
      });
    }
    return connection.localDescription?.sdp ?? "";
  };
  globalThis.phone = {
    offer: async (names, restart) => {
      if (restart) connection.restartIce();
      if (connection.getTransceivers().length === 0) {
        addMicrophone();
        const all = RTCRtpReceiver.getCapabilities("audio")?.codecs ?? [];
        const wanted = all.filter(({ mimeType }) => names.includes(mimeType.slice(6)));
        connection.getTransceivers()[0]?.setCodecPreferences(wanted);
      }
      await connection.setLocalDescription(await connection.createOffer());
      return gathered();
    },
    answer: async (sdp) => {
      await connection.setRemoteDescription({ type: "offer", sdp });
      if (connection.getSenders().every(({ track }) => track === null)) addMicrophone();
      await connection.setLocalDescription(await connection.createAnswer());
      return gathered();
    },
    accept: async (sdp) => connection.setRemoteDescription({ type: "answer", sdp }),
    connection: () => connection.connectionState,
    hears: (hertz) => {
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      const power = bins.map((decibel) => (Number.isFinite(decibel) ? 10 ** (decibel / 10) : 0));
      const total = power.reduce((sum, one) => sum + one, 0);
      const centre = Math.round((hertz * analyser.fftSize) / context.sampleRate);
      const near = power.slice(centre - 3, centre + 4).reduce((sum, one) => sum + one, 0);
      // Silence is no tone, however pure its noise.
      return total > 1e-8 ? near / total : 0;
    },
    dtmf: (digits) => connection.getSenders()[0]?.dtmf?.insertDTMF(digits, 100, 70),
    roundTrip: async () => {
      for (const report of (await connection.getStats()).values()) {
        if (report.type === "remote-inbound-rtp") return report.roundTripTime;
      }
      return undefined;
    },
  };
}
