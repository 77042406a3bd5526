import { ImsClient, type Call, type CallEnd, type CallState, type ImsSession } from "@portico/wic";

/** What a test wants to know of the page's call. */
export interface PageCall {
  readonly direction: "outgoing" | "incoming";
  readonly state: CallState;
  readonly end?: { readonly cause: string; readonly status?: number };
  /** URI and number of the other party. */
  readonly remote: string;
  readonly number?: string;
}

/** The SDK in a page without a user: one call at a time, the voice in `#remote-audio`. */
export class PageTelephone {
  readonly #client: ImsClient;
  #call: Call | undefined;
  /** Every state it has been in, in order. */
  readonly states: string[] = [];

  constructor() {
    this.#client = new ImsClient({
      tokens: async () => {
        const answer = await fetch(`/api/ims-session${location.search}`);
        if (!answer.ok) throw new Error("no IMS session");
        return (await answer.json()) as ImsSession;
      },
      // What cleans up speech would take the test's tone for noise.
      microphone: () =>
        navigator.mediaDevices.getUserMedia({
          audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
        }),
    });
    this.#client.on("incoming", (call) => this.#take(call));
    this.#client.on("state", (state) => this.states.push(state));
  }

  get state(): string {
    return this.#client.state;
  }

  get impu(): string {
    return this.#client.identity?.impu ?? "";
  }

  /** All identities that the core registered together, as in P-Associated-URI. */
  get associated(): readonly string[] {
    return this.#client.identity?.associated ?? [];
  }

  get call(): PageCall | undefined {
    const call = this.#call;
    if (call === undefined) return undefined;
    const { direction, state, remote } = call;
    return {
      direction,
      state,
      ...(call.end === undefined ? {} : { end: endOf(call.end) }),
      remote: remote.uri,
      ...(remote.number === undefined ? {} : { number: remote.number }),
    };
  }

  async start(): Promise<void> {
    await this.#client.start();
  }

  async logOut(): Promise<void> {
    await this.#client.logOut();
  }

  dial(target: string): void {
    this.#take(this.#client.call(target));
  }

  answer(): void {
    this.#call?.answer();
  }

  decline(): void {
    this.#call?.decline();
  }

  hangUp(): void {
    this.#call?.hangUp();
  }

  async hold(): Promise<void> {
    await this.#call?.hold();
  }

  async resume(): Promise<void> {
    await this.#call?.resume();
  }

  press(digits: string): void {
    this.#call?.sendDtmf(digits);
  }

  #take(call: Call): void {
    this.#call = call;
    call.on("stream", (stream) => {
      const audio = document.querySelector<HTMLAudioElement>("#remote-audio");
      if (audio !== null) audio.srcObject = stream;
    });
  }
}

function endOf({ cause, status }: CallEnd): { cause: string; status?: number } {
  return { cause, ...(status === undefined ? {} : { status }) };
}
