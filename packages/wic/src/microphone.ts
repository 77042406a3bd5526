import { WicError } from "./errors.ts";
import type { Platform } from "./platform.ts";

/** A microphone lent to one call. */
export interface LentMicrophone {
  readonly stream: MediaStream;
  /** Gives it back. Idempotent. */
  release(): void;
}

/**
 * Gets the microphone for one call: from the page, which then owns it, or from the browser, whose tracks are stopped
 * when the call gives it back.
 * @throws WicError `wic/microphone-denied`, `wic/microphone-missing`
 */
export async function lendMicrophone(
  platform: Platform,
  injected: (() => Promise<MediaStream>) | undefined,
): Promise<LentMicrophone> {
  try {
    if (injected !== undefined) return { stream: await injected(), release: () => undefined };
    const stream = await platform.microphone();
    return {
      stream,
      release() {
        for (const track of stream.getTracks()) track.stop();
      },
    };
  } catch (error) {
    if (error instanceof WicError) throw error;
    const name = error instanceof Error ? error.name : "";
    const denied = name === "NotAllowedError" || name === "SecurityError";
    throw new WicError(denied ? "wic/microphone-denied" : "wic/microphone-missing", { cause: error });
  }
}
