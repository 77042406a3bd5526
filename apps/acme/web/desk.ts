import { api, ApiError, type Colleague, type Me, type Problem } from "./api.ts";
import { Arbiter } from "./call/arbiter.ts";
import { DirectLine } from "./call/directLine.ts";
import { ImsLine, type ImsStatus } from "./call/imsLine.ts";
import { Listeners } from "./listeners.ts";
import { Microphone } from "./microphone.ts";
import { normaliseNumber } from "./phoneNumber.ts";
import { Ringer } from "./ringer.ts";
import { pickRoute, type Target } from "./route.ts";
import { RtcLink } from "./rtcLink.ts";

/** Known before the operator says so: never dial these from here (EMG-04). */
const emergencyNumbers = ["112", "911"];

/** Everything of a signed-in user's page but its looks. */
export class Desk {
  readonly changed: Listeners = new Listeners();
  readonly me: Me;
  readonly arbiter: Arbiter;
  readonly ringer: Ringer = new Ringer();
  readonly #microphone = new Microphone();
  readonly #link: RtcLink;
  readonly #ims: ImsLine;
  readonly #audio: HTMLAudioElement;
  #colleagues: readonly Colleague[] = [];
  #emergencyNumbers: readonly string[] = emergencyNumbers;
  #iceServers: readonly RTCIceServer[] = [];
  #tel: string | undefined;
  #problem: Problem | undefined;
  #signedOut = false;
  /** Her own sign-out goes by way of the identity provider: what ends meanwhile shows no landing page to click on. */
  #leaving = false;
  #left = false;
  #reportedBusy = false;
  #asking: ReturnType<typeof setTimeout> | undefined;

  /** @param audio where the other side is heard. */
  constructor(me: Me, audio: HTMLAudioElement) {
    this.me = me;
    this.#audio = audio;
    this.#link = new RtcLink(location.origin);
    const direct = new DirectLine(this.#link, () => this.#iceServers);
    this.#ims = new ImsLine(
      () => this.#imsSession(),
      () => this.#microphone.open(),
    );
    this.arbiter = new Arbiter({
      callDirect: (colleague, microphone) => direct.call(colleague, microphone),
      callIms: (number) => this.#ims.call(number),
      imsReady: () => this.#ims.status.name === "registered",
      openMicrophone: () => this.#microphone.open(),
      releaseMicrophone: () => this.#microphone.release(),
      colleagueOf: (number) => this.#colleagues.find(({ tel }) => tel === normaliseNumber(number)),
      setTimer: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
      now: () => performance.now(),
    });
    this.arbiter.changed.add(() => this.#follow());
    direct.incoming.add((call) => this.arbiter.offer(call));
    this.#ims.incoming.add((call) => this.arbiter.offer(call));
    this.#ims.changed.add(() => this.#imsChanged());
    this.#link.message.add((message) => {
      if (message.type === "welcome") {
        this.#reportedBusy = false;
        this.#follow();
      }
      if (message.type === "welcome" || message.type === "directory") this.#askDirectory(0);
      if (message.type === "presence") this.#showPresence(message.user, message.presence);
    });
    this.#link.changed.add((state) => {
      if (state === "closed") this.#sessionEnded();
      // A refused WebSocket tells the page nothing of why: the session may be over.
      if (state === "waiting") void this.#checkSession();
      this.changed.tell();
    });
  }

  get ims(): ImsStatus {
    return this.#ims.status;
  }

  /** Her own number, `+` and digits, while she is registered under it. */
  get tel(): string | undefined {
    return this.ims.name === "registered" ? this.#tel : undefined;
  }

  /** Why the telephone network is not there: in Acme's words, else in the operator's. */
  get trouble(): Problem | undefined {
    const { name, reason } = this.ims;
    if (name === "registered") return undefined;
    return this.#problem ?? (reason && { ...reason, detail: "Calls to colleagues work." });
  }

  /** Tries the telephone network again after it has ended. */
  reconnect(): void {
    this.#ims.start();
  }

  get colleagues(): readonly Colleague[] {
    return this.#colleagues;
  }

  /** False while Acme's own server is away: nobody's presence is known then. */
  get linked(): boolean {
    return this.#link.state === "open";
  }

  /** True once the web session has ended, here or in another tab; a call that is under way may still be finished. */
  get sessionOver(): boolean {
    return this.#signedOut;
  }

  /** True when nothing is left to do but to sign in again. */
  get signedOut(): boolean {
    return this.#signedOut && !this.#leaving && !this.arbiter.busy;
  }

  call(target: Target): void {
    const self = { id: this.me.id, tel: this.#tel };
    const surroundings = { self, colleagues: this.#colleagues, emergencyNumbers: this.#emergencyNumbers };
    void this.arbiter.call(pickRoute(target, surroundings));
  }

  /** Ends calls, registration and web session, and leaves the page. */
  async signOut(): Promise<void> {
    this.#leaving = true;
    this.arbiter.hangUp();
    await Promise.race([
      this.#ims.logOut().catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, 3000)),
    ]);
    const { next } = await api.logout().catch(() => ({ next: "/" }));
    this.#link.close();
    location.assign(next);
  }

  async #imsSession(): ReturnType<typeof api.imsSession> {
    try {
      const session = await api.imsSession();
      this.#problem = undefined;
      this.#tel = session.tel;
      this.#iceServers = session.iceServers ?? [];
      this.#emergencyNumbers = [...new Set([...emergencyNumbers, ...(session.emergencyNumbers ?? [])])];
      return session;
    } catch (error) {
      if (error instanceof ApiError) {
        if (error.status === 401) this.#sessionEnded();
        this.#problem = error.problem;
        this.changed.tell();
      }
      throw error;
    }
  }

  #imsChanged(): void {
    // Her own assignment may be new, and so may those of the others.
    if (this.ims.name === "registered") this.#askDirectory(0);
    this.changed.tell();
  }

  async #checkSession(): Promise<void> {
    const me = await api.me().catch(() => undefined);
    if (me?.id === this.me.id || me === undefined) return;
    this.#sessionEnded();
    this.changed.tell();
  }

  #sessionEnded(): void {
    this.#signedOut = true;
    this.#leaveWhenIdle();
  }

  /** Nothing of her stays behind the landing page: no registration, no microphone. */
  #leaveWhenIdle(): void {
    if (!this.signedOut || this.#left) return;
    this.#left = true;
    this.#link.close();
    void this.#ims.logOut();
  }

  #follow(): void {
    const { arbiter } = this;
    this.#leaveWhenIdle();
    if (arbiter.busy !== this.#reportedBusy && this.linked) {
      this.#reportedBusy = arbiter.busy;
      this.#link.send({ type: "status", busy: arbiter.busy });
    }
    this.ringer.play(arbiter.sound);
    const stream = arbiter.stream ?? null;
    if (this.#audio.srcObject !== stream) {
      this.#audio.srcObject = stream;
      // Refused only where the user has not touched the page, which no call can come to without.
      if (stream !== null) void this.#audio.play().catch(() => undefined);
    }
    this.changed.tell();
  }

  #showPresence(user: string, presence: Colleague["presence"]): void {
    this.#colleagues = this.#colleagues.map((colleague) =>
      colleague.id === user ? { ...colleague, presence } : colleague,
    );
    this.changed.tell();
  }

  /** The server says when there is news; asked again only while it does not answer. */
  #askDirectory(ms: number): void {
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => void this.#readDirectory(), ms);
  }

  async #readDirectory(): Promise<void> {
    try {
      const { colleagues } = await api.directory();
      this.#colleagues = colleagues;
      this.changed.tell();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.#sessionEnded();
      else this.#askDirectory(5000);
      this.changed.tell();
    }
  }
}
