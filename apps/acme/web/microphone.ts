/** The page's one microphone: opened for a call, given back after it. */
export class Microphone {
  #stream: Promise<MediaStream> | undefined;

  /** Asks the user the first time. Rejects with the browser's DOMException. */
  async open(): Promise<MediaStream> {
    this.#stream ??= navigator.mediaDevices.getUserMedia({ audio: true });
    const opening = this.#stream;
    try {
      const stream = await opening;
      if (stream.getAudioTracks().some(({ readyState }) => readyState === "live")) return stream;
    } catch (error) {
      if (this.#stream === opening) this.#stream = undefined;
      throw error;
    }
    // Unplugged since: ask for the one that is there now.
    this.#stream = navigator.mediaDevices.getUserMedia({ audio: true });
    return this.#stream;
  }

  /** Lets go: the browser's recording sign goes out. */
  release(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    void stream?.then(stop, () => undefined);
  }
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
