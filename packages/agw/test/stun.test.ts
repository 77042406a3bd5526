import { expect, test } from "vitest";
import fc from "fast-check";
import {
  errorCode,
  hasIntegrity,
  readStun,
  stunAttributes,
  stunTypes,
  unknownAttributes,
  writeStun,
  xorMappedAddress,
} from "../src/embedded/stun.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** RFC 5769 §2.1 */
const sampleRequest = hex(`000100582112a442b7e7a701bc34d686fa87dfae
  802200105354554e207465737420636c69656e74 002400046e0001ff 80290008932ff9b151263b36
  000600096576746a3a68367659202020 000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004e57a3bcf`);
const password = "VOkJxbRl1RmTxUk/WvJxBt";

test("AGW-03a the sample request of RFC 5769 is read and its integrity checked", () => {
  const message = readStun(sampleRequest);
  expect(message?.type).toBe(stunTypes.bindingRequest);
  expect(message?.attributes.get(stunAttributes.priority)?.readUInt32BE()).toBe(0x6e0001ff);
  expect(message && hasIntegrity(message, password)).toBe(true);
  expect(message && hasIntegrity(message, `${password}x`)).toBe(false);
});

const transaction = hex("b7e7a701bc34d686fa87dfae");

test("AGW-03a XOR-MAPPED-ADDRESS is that of RFC 5769, IPv4 and IPv6", () => {
  expect(xorMappedAddress("192.0.2.1", 32_853, transaction)).toEqual(hex("0001a147e112a643"));
  expect(xorMappedAddress("2001:db8:1234:5678:11:2233:4455:6677", 32_853, transaction)).toEqual(
    hex("0002a1470113a9faa5d3f179bc25f4b5bed2b9d9"),
  );
  expect(xorMappedAddress("::ffff:192.0.2.1", 1, transaction).length).toBe(20);
});

test("AGW-03a what is written is read, with integrity and fingerprint", () => {
  const octets = writeStun(
    stunTypes.bindingError,
    transaction,
    [
      [stunAttributes.errorCode, errorCode(420, "Unknown Attribute")],
      [0x7fff, Buffer.from([1])],
    ],
    password,
  );
  const message = readStun(octets);
  expect(message && hasIntegrity(message, password)).toBe(true);
  expect(message && unknownAttributes(message)).toEqual([0x7fff]);
});

test("SEC-05b a request whose octets were changed fails its integrity", () => {
  const octets = writeStun(stunTypes.bindingRequest, transaction, [[stunAttributes.username, Buffer.from("a:b")]], "p");
  // Undo the fingerprint's protection: it is no secret.
  for (let at = 0; at < octets.length - 8; at++) {
    const changed = Buffer.from(octets);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(readStun(changed)).toBeUndefined();
  }
});

test("no octets make the reader throw or read beyond the message", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(60), (noise, at) => {
      const octets = writeStun(
        stunTypes.bindingRequest,
        transaction,
        [[stunAttributes.username, Buffer.from("a:b")]],
        "p",
      );
      Buffer.from(noise).copy(octets, at);
      const message = readStun(octets);
      expect(message !== undefined && hasIntegrity(message, "q")).toBe(false);
      readStun(Buffer.from(noise));
    }),
  );
});
