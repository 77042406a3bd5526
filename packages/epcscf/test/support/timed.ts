import { VirtualClock } from "@portico/sip/testing";
import { openRig, type Rig } from "./rig.ts";

/** Of the event loop, for a message and its answer: each leaves at the end of one. */
const turns = 4;

/** A rig whose node lives in a time of its own. */
export class Timed {
  readonly clock = new VirtualClock();
  wall: number = Date.UTC(2026, 0, 1);

  async open(options: Parameters<typeof openRig>[0] = {}): Promise<Rig> {
    return await openRig({ clock: this.clock, wallClock: () => this.wall, ...options });
  }

  /** Lets both clocks run, second by second, so that what was sent can arrive and be answered. */
  async pass(seconds: number): Promise<void> {
    for (let at = 0; at < seconds; at += 1) {
      this.wall += 1000;
      this.clock.advance(1000);
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
