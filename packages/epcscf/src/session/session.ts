import {
  formatReasons,
  parseReasons,
  SipResponse,
  type HeaderList,
  type InviteUsage,
  type ServerTransaction,
  type SipMessage,
  type SipRequest,
} from "@portico/sip";
import type { SessionMedia } from "../alg/sessionMedia.ts";
import { EpcscfError } from "../errors.ts";
import { icidValue } from "../policy/charging.ts";
import { carried } from "../policy/headers.ts";
import type { PassedMessage } from "../proxy.ts";
import type { Registration } from "../registration/registration.ts";
import { sdpBody, textBody } from "./body.ts";
import { renegotiate, type Renegotiable } from "./renegotiation.ts";
import type { Side } from "./side.ts";
import type { LegTimes, SessionEnd, SessionView } from "./view.ts";

export interface SessionOptions {
  readonly id: string;
  readonly registration: Registration;
  readonly media: SessionMedia;
  /** P-Charging-Vector of this node's requests toward the core. */
  readonly charging: string;
  /** Checks the token of a request of the browser, where it carries one. Throws TokenError or EpcscfError. */
  readonly authorise: (request: SipRequest) => Promise<void>;
  /** Answers a request whose handling has thrown. */
  readonly refuse: (tx: ServerTransaction, error: unknown) => void;
  readonly direction: SessionView["direction"];
  /** URI of the other party. */
  readonly remote: string;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  readonly events: SessionEvents;
}

/** Who is told what becomes of a call. */
export interface SessionEvents {
  /** It is about to be answered; the answer waits for the promise, which never fails. */
  answered(session: Session): Promise<void>;
  /** A MESSAGE inside the call has its final status; the answer waits for the promise, which never fails. */
  message(session: Session, message: PassedMessage): Promise<void>;
  /** Told once. */
  done(session: Session, end: SessionEnd): void;
}

/**
 * One call: an access leg (W2) and a core leg (Mw), each with a dialog of its own, and the media between them.
 *
 *   setup ---- accepted ----> active ----> over
 *     '---- rejected, cancelled, failed ----^
 */
export class Session implements Renegotiable {
  readonly id: string;
  readonly registration: Registration;
  readonly media: SessionMedia;
  awaitsCoreAnswer = false;
  readonly #since: number;
  #answeredAt: number | undefined;
  readonly #options: SessionOptions;
  readonly #legs: Partial<Record<Side, InviteUsage>> = {};
  readonly #legTimes: Partial<Record<Side, number>> = {};
  #over = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.id = options.id;
    this.registration = options.registration;
    this.media = options.media;
    this.#since = options.wallClock();
    this.media.on((event) => {
      if (event.type === "failed") this.release(`media failed: ${event.reason}`);
      if (event.type === "inactive") this.release("no media from the browser");
    });
  }

  get over(): boolean {
    return this.#over;
  }

  leg(side: Side): InviteUsage | undefined {
    return this.#legs[side];
  }

  setLeg(side: Side, usage: InviteUsage): void {
    this.#legs[side] = usage;
    // A fork of the core takes the place of the leg, which began with the INVITE.
    this.#legTimes[side] ??= this.#options.wallClock();
  }

  get legTimes(): LegTimes {
    return { ...this.#legTimes };
  }

  /** ICID of its charging vector (RFC 7315 §5.6); the same in all branches of a forked call. */
  get icid(): string {
    return icidValue(this.#options.charging);
  }

  headers(side: Side): [string, string][] {
    return side === "core" ? [["P-Charging-Vector", this.#options.charging]] : [];
  }

  get view(): SessionView {
    const { entry, claims, key } = this.registration;
    const { direction, remote } = this.#options;
    const answeredAt = this.#answeredAt;
    return {
      id: this.id,
      registration: key,
      impu: entry.impu,
      tenant: entry.tenant,
      clientId: claims.clientId,
      direction,
      remote,
      icid: this.icid,
      state: answeredAt === undefined ? "setup" : "answered",
      since: this.#since,
      ...(answeredAt === undefined ? {} : { answeredAt }),
    };
  }

  /** To be awaited before an answer leaves: it may be over then. */
  async answered(): Promise<void> {
    if (this.#over || this.#answeredAt !== undefined) return;
    this.#answeredAt = this.#options.wallClock();
    await this.#options.events.answered(this);
  }

  /** Ends both legs, whatever their state (EPC-SES-09). @param why words for the Reason header. */
  release(why: string): void {
    if (this.#over) return;
    const reason: [string, string][] = [["Reason", formatReasons([{ protocol: "SIP", cause: 503, text: why }])]];
    this.finish({ by: "portal", status: 503, reason: why });
    this.#end("access", reason);
    this.#end("core", reason);
  }

  /** One leg is over: the other one follows, with the reason it gave. */
  endOther(ended: Side, message: SipMessage | undefined): void {
    if (this.#over) return;
    this.finish({ by: ended, status: statusOf(message) });
    const reasons = (message?.all("Reason") ?? []).map((value): [string, string] => ["Reason", value]);
    this.#end(ended === "access" ? "core" : "access", reasons);
  }

  /** Frees the media; no leg is touched. */
  finish(end: Omit<SessionEnd, "at">): void {
    if (this.#over) return;
    this.#over = true;
    this.media.close();
    this.#options.events.done(this, { ...end, at: this.#options.wallClock() });
  }

  /** A request inside one leg's dialog. Answers in every case. */
  async inside(side: Side, tx: ServerTransaction): Promise<void> {
    try {
      if (side === "access") await this.#options.authorise(tx.request);
      const { method } = tx.request;
      if (method === "INVITE" || method === "UPDATE") await renegotiate(this, side, tx);
      else if (method === "INFO" || method === "MESSAGE") await this.#carry(side, tx);
      else throw new EpcscfError("epcscf/method");
    } catch (error) {
      this.#options.refuse(tx, error);
    }
  }

  /** The core's late answer changed what the browser may send: a re-INVITE tells it. */
  async tellBrowser(offer: string): Promise<void> {
    const response = await this.#legs.access?.request("INVITE", { body: sdpBody(offer) });
    if (response === undefined || response.status >= 300 || this.#over) return;
    try {
      this.media.accessAnswer(response.body);
    } catch {
      this.release("the browser's answer cannot be used");
    }
  }

  async #carry(side: Side, tx: ServerTransaction): Promise<void> {
    const { request } = tx;
    const [to, way] = side === "access" ? (["core", "up"] as const) : (["access", "down"] as const);
    const other = this.#legs[to];
    if (other === undefined) return tx.reply(481);
    const at = this.#options.wallClock();
    const info = request.all("Info-Package").map((value): [string, string] => ["Info-Package", value]);
    const response = await other.request(request.method, {
      headers: [...carried(request, way), ...info, ...this.headers(to)],
      ...textBody(request),
    });
    const { status, reason } = response;
    if (request.method === "MESSAGE") {
      const direction = side === "access" ? "outgoing" : "incoming";
      const { remote, events } = this.#options;
      await events.message(this, { direction, remote, icid: this.icid, at, status });
    }
    tx.reply(status, { reason });
  }

  #end(side: Side, reasons: HeaderList): void {
    const usage = this.#legs[side];
    const inDialog = usage?.state === "accepted" || usage?.state === "confirmed";
    // RFC 7315 §5.7, table 1: no charging vector in CANCEL.
    usage?.end([...reasons, ...(inDialog ? this.headers(side) : [])]);
  }
}

/** What a message that ends a call says of the cause: no message, no answer. */
function statusOf(message: SipMessage | undefined): number {
  if (message === undefined) return 408;
  if (message instanceof SipResponse) return message.status;
  const normal = message.method === "BYE" ? 200 : 487;
  try {
    const reasons = message.all("Reason").flatMap((value) => parseReasons(value));
    return reasons.find(({ protocol }) => protocol.toUpperCase() === "SIP")?.cause ?? normal;
  } catch {
    return normal;
  }
}
