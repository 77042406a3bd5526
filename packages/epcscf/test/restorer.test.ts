import type { Clock } from "@portico/sip";
import { expect, test, vi } from "vitest";
import type { Log } from "../src/ports.ts";
import { Restorer, type Granted } from "../src/registration/restorer.ts";
import type { Memory } from "../src/registration/watch.ts";

const users = 1000;
const clock: Clock = { now: () => 0, setTimer: () => () => undefined };
const log = { info: vi.fn<Log["info"]>(), warn: vi.fn<Log["warn"]>(), alarm: vi.fn<Log["alarm"]>() };

/** Users granted in another order than that in which they stand, and how often somebody looked at when. */
function population(memory: (place: number) => Memory): {
  granted: Granted[];
  asked: number[];
  restored: number[];
  looks: () => number;
} {
  const asked: number[] = [];
  const restored: number[] = [];
  let looks = 0;
  const granted = Array.from({ length: users }, (_, turn): Granted => {
    const place = (turn * 7 + 3) % users;
    return {
      scscf: "scscf.ims.test:",
      get at() {
        looks += 1;
        return place * 1000;
      },
      ask: async () => {
        asked.push(place);
        return memory(place);
      },
      restore: async () => {
        restored.push(place);
        return true;
      },
    };
  });
  return { granted, asked, restored, looks: () => looks };
}

test("EPC-REG-01h while the core knows the oldest registration a look costs one glance at each", async () => {
  const { granted, asked, looks } = population(() => "known");
  const restorer = new Restorer({ clock, log, granted: () => granted });
  restorer.look();
  await vi.waitFor(() => expect(asked).toEqual([0]));
  expect(looks()).toBeLessThanOrEqual(2 * users);
});

test("EPC-REG-01h what is lost is restored oldest first, past those that cannot be asked for, up to the first that is known", async () => {
  const { granted, asked, restored } = population((place) =>
    place < 5 ? "unwatched" : place < 300 ? "lost" : "known",
  );
  const restorer = new Restorer({ clock, log, granted: () => granted });
  restorer.look();
  await vi.waitFor(() => expect(log.info).toHaveBeenCalledWith("registrations.restored", { count: 295 }));
  expect(restored).toEqual(Array.from({ length: 295 }, (_, turn) => turn + 5));
  // Eight ask at a time, and each finds one that is known.
  expect(asked).toEqual(Array.from({ length: 308 }, (_, turn) => turn));
});
