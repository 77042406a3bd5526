import type { Hint, Platform } from "./platform.ts";

const letters = "abcdefghijklmnopqrstuvwxyz0123456789";

/** The {@link Platform} of browsers. */
export function browserPlatform(): Platform {
  return {
    clock: {
      now: () => performance.now(),
      setTimer(ms, run) {
        // A timer above 2^31-1 ms fires at once in browsers; the longest wait of the SDK starts anew when it ends.
        const timer = setTimeout(run, Math.min(ms, 0x7fffffff));
        return () => clearTimeout(timer);
      },
    },
    random: { token: randomToken },
    uuid: () => crypto.randomUUID(),
    openSocket: (url, protocol) => new WebSocket(url, protocol),
    createPeerConnection: (configuration) => new RTCPeerConnection(configuration),
    createStream: (track) => new MediaStream([track]),
    microphone: () => navigator.mediaDevices.getUserMedia({ audio: true }),
    tabStorage: {
      get: (key) => sessionStorage.getItem(key) ?? undefined,
      set: (key, value) => sessionStorage.setItem(key, value),
    },
    lock: takeLock,
    isOnline: () => navigator.onLine,
    onHint,
    report: (error) => reportError(error),
  };
}

function randomToken(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const octet of crypto.getRandomValues(new Uint8Array(length))) {
      // 252 = 7 × 36: octets above it would favour the first letters.
      if (octet < 252 && text.length < length) text += letters[octet % 36];
    }
  }
  return text;
}

async function takeLock(name: string, waitMs: number): Promise<(() => void) | undefined> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), waitMs);
  return await new Promise((resolve) => {
    navigator.locks
      .request(name, { signal: abort.signal }, async () => {
        clearTimeout(timer);
        await new Promise<void>((release) => resolve(release));
      })
      .catch(() => resolve(undefined));
  });
}

function onHint(listener: (hint: Hint) => void): () => void {
  const online = (): void => listener("online");
  const offline = (): void => listener("offline");
  const visible = (): void => {
    if (document.visibilityState === "visible") listener("visible");
  };
  // Coming back from the back/forward cache or a freeze: the socket may be dead without a close event.
  const shown = (event: PageTransitionEvent): void => {
    if (event.persisted) listener("visible");
  };
  window.addEventListener("online", online);
  window.addEventListener("offline", offline);
  window.addEventListener("pageshow", shown);
  document.addEventListener("visibilitychange", visible);
  document.addEventListener("resume", visible);
  return () => {
    window.removeEventListener("online", online);
    window.removeEventListener("offline", offline);
    window.removeEventListener("pageshow", shown);
    document.removeEventListener("visibilitychange", visible);
    document.removeEventListener("resume", visible);
  };
}
