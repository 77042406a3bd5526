import type { Candidate, EndReason, HubMessage } from "../../src/rtc/protocol.ts";
import type { Colleague } from "../api.ts";
import { Listeners } from "../listeners.ts";
import type { RtcLink } from "../rtcLink.ts";
import { DirectCall } from "./directCall.ts";
import type { EndCause, LineCall } from "./line.ts";

const causes: Record<EndReason, EndCause> = {
  hangup: "hangup",
  moved: "moved",
  declined: "declined",
  busy: "busy",
  unreachable: "unreachable",
  "answered-elsewhere": "answered-elsewhere",
  timeout: "no-answer",
  left: "lost",
  failed: "failed",
};

/** Direct calls of this page: browser to browser, signalled by Acme itself. */
export class DirectLine {
  readonly incoming: Listeners<LineCall> = new Listeners();
  readonly #link: RtcLink;
  readonly #iceServers: () => readonly RTCIceServer[];
  readonly #calls = new Map<string, DirectCall>();

  constructor(link: RtcLink, iceServers: () => readonly RTCIceServer[]) {
    this.#link = link;
    this.#iceServers = iceServers;
    link.message.add((message) => this.#receive(message));
  }

  call({ id: user, name, tel }: Colleague, microphone: MediaStream): LineCall {
    const party = { user, name, ...(tel === undefined ? {} : { number: tel }) };
    const call = this.#open(crypto.randomUUID(), party);
    call.offerTo(user, microphone);
    return call;
  }

  #open(id: string, party: DirectCall["party"]): DirectCall {
    const call = new DirectCall(id, party, this.#iceServers(), (message) => this.#link.send(message));
    this.#calls.set(id, call);
    call.onChange(() => call.end !== undefined && this.#calls.delete(id));
    return call;
  }

  #receive(message: HubMessage): void {
    switch (message.type) {
      case "incoming": {
        const { id, name } = message.from;
        const call = this.#open(message.call, { user: id, name });
        call.ring(message.sdp);
        this.incoming.tell(call);
        break;
      }
      case "ringing":
        this.#calls.get(message.call)?.rings();
        break;
      case "answered":
        void this.#calls.get(message.call)?.answered(message.sdp);
        break;
      case "candidate":
        this.#candidate(message.call, message.candidate);
        break;
      case "renew":
        void this.#calls.get(message.call)?.renewed(message.kind, message.sdp);
        break;
      case "ended":
        this.#calls.get(message.call)?.over(causes[message.reason]);
        break;
      case "welcome":
        // The server has forgotten this page: so have the others.
        if (!message.resumed) for (const call of this.#calls.values()) call.over("lost");
        break;
      case "directory":
      case "presence":
      case "pong":
        break;
    }
  }

  #candidate(id: string, candidate: Candidate | null): void {
    void this.#calls.get(id)?.candidate(candidate);
  }
}
