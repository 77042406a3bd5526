import { expect, test } from "vitest";
import type { CheckOrigin, Path, PathOwner } from "../src/embedded/accessPorts.ts";
import { IceLite } from "../src/embedded/iceLite.ts";
import { hasIntegrity, readStun, stunAttributes, stunTypes, writeStun } from "../src/embedded/stun.ts";

const owner: PathOwner = {
  alive: true,
  onStun: () => undefined,
  onDtls: () => undefined,
  onRtp: () => undefined,
  onRtcp: () => undefined,
  onPathLost: () => undefined,
};

/** One address of a browser. */
class Address implements CheckOrigin {
  readonly address = "192.0.2.1";
  readonly port: number;
  readonly replies: Buffer[] = [];
  released = false;
  readonly path: Path;

  constructor(port: number) {
    this.port = port;
    this.path = { owner, address: this.address, port, send: () => undefined, release: () => (this.released = true) };
  }

  reply(answer: Buffer): void {
    this.replies.push(answer);
  }

  claim(): Path {
    return this.path;
  }
}

type Attributes = (readonly [number, Buffer])[];

interface CheckOptions {
  priority?: number;
  nominate?: boolean;
  more?: Attributes;
  type?: number;
}

function check(
  ice: IceLite,
  from: Address,
  now: number,
  { priority = 1, nominate = true, more = [], type = stunTypes.bindingRequest }: CheckOptions = {},
): ReturnType<IceLite["answer"]> {
  const given = Buffer.alloc(4);
  given.writeUInt32BE(priority);
  const attributes: Attributes = [
    [stunAttributes.username, Buffer.from(`${ice.local.ufrag}:peer`)],
    [stunAttributes.priority, given],
    ...(nominate ? [[stunAttributes.useCandidate, Buffer.alloc(0)] as const] : []),
    ...more,
  ];
  const message = readStun(writeStun(type, Buffer.alloc(12, 1), attributes, ice.local.pwd));
  return message && ice.answer(message, from, now);
}

test("AGW-03a AGW-01b a check is answered with the mapped address under our password, and only a nomination selects", () => {
  const ice = new IceLite(owner);
  const address = new Address(4000);
  expect(check(ice, address, 0, { nominate: false })).toBe("checked");
  expect(ice.nominated).toBeUndefined();
  const answer = readStun(address.replies[0] ?? Buffer.alloc(0));
  expect(answer?.type).toBe(stunTypes.bindingSuccess);
  expect(answer?.attributes.get(stunAttributes.xorMappedAddress)?.length).toBe(8);
  expect(answer && hasIntegrity(answer, ice.local.pwd)).toBe(true);
  expect(check(ice, address, 0)).toBe("nominated");
  expect(check(ice, address, 0)).toBe("checked");
  expect(ice.nominated).toBe(address.path);
});

test("AGW-03b of several nominated at the start the best counts; later the last one", () => {
  const ice = new IceLite(owner);
  const [worse, better] = [new Address(1), new Address(2)];
  check(ice, worse, 0, { priority: 10 });
  check(ice, better, 10, { priority: 20 });
  check(ice, worse, 20, { priority: 10 });
  expect(ice.nominated).toBe(better.path);
  // The better one's network has gone.
  check(ice, worse, 5000, { priority: 10 });
  expect(ice.nominated).toBe(worse.path);
});

test("AGW-03a an attribute that must not be ignored and is unknown: 420", () => {
  const ice = new IceLite(owner);
  const address = new Address(1);
  expect(check(ice, address, 0, { more: [[0x7f01, Buffer.alloc(3)]] })).toBeUndefined();
  const answer = readStun(address.replies[0] ?? Buffer.alloc(0));
  expect(answer?.type).toBe(stunTypes.bindingError);
  expect(answer?.attributes.get(stunAttributes.unknownAttributes)?.toString("hex")).toBe("7f01");
  expect(ice.nominated).toBeUndefined();
});

test("AGW-03a an indication keeps alive and is not answered; a response is nothing", () => {
  const ice = new IceLite(owner);
  const address = new Address(1);
  expect(check(ice, address, 0, { type: stunTypes.bindingIndication })).toBe("checked");
  expect(check(ice, address, 0, { type: stunTypes.bindingSuccess })).toBeUndefined();
  expect(address.replies).toEqual([]);
});

test("SEC-05b once the browser's ufrag is known, checks must name it", () => {
  const ice = new IceLite(owner);
  ice.setRemote("other");
  expect(check(ice, new Address(1), 0)).toBeUndefined();
  ice.setRemote("peer");
  expect(check(ice, new Address(1), 0)).toBe("nominated");
});

test("a browser's addresses are remembered up to a bound, the one in use always", () => {
  const ice = new IceLite(owner);
  const used = new Address(1);
  check(ice, used, 0);
  const others = Array.from({ length: 40 }, (_, at) => new Address(100 + at));
  for (const other of others) check(ice, other, 0, { nominate: false });
  expect(others.filter(({ released }) => !released).length).toBe(15);
  expect(used.released).toBe(false);
  ice.forget(used.path);
  expect(ice.nominated).toBeUndefined();
  ice.close();
  expect(others.every(({ released }) => released)).toBe(true);
});
