import { expect, test } from "vitest";
import { SrtpReceiver, SrtpSender } from "../src/embedded/srtp.ts";
import { AesCmHmacSha1 } from "../src/embedded/srtp/aesCm.ts";
import { AesGcm } from "../src/embedded/srtp/aesGcm.ts";
import { sessionKeys } from "../src/embedded/srtp/keyDerivation.ts";
import { ReplayWindow, packetIndex } from "../src/embedded/srtp/replayWindow.ts";
import { fixedHeaderLength, writeRtp } from "../src/embedded/rtp.ts";
import type { SrtpProfileName } from "../src/index.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

test("AGW-06b session keys are those of RFC 3711 B.3", () => {
  const { rtp } = sessionKeys({
    key: hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
    salt: hex("0EC675AD498AFEEBB6960B3AABE6"),
  });
  expect(rtp.key).toEqual(hex("C61E7A93744F39EE10734AFE3FF7A087"));
  expect(rtp.salt).toEqual(hex("30CBBC08863D8C85D49DB34A9AE1"));
  expect(rtp.auth).toEqual(hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
});

test("AGW-06b the AES-CM keystream is that of RFC 3711 B.2", () => {
  const keys = {
    key: hex("2B7E151628AED2A6ABF7158809CF4F3C"),
    salt: hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
    auth: Buffer.alloc(20),
  };
  // SSRC, rollover counter and sequence number are 0; zeros encrypt to the keystream itself.
  const packet = Buffer.alloc(12 + 48);
  packet[0] = 0x80;
  const sealed = new AesCmHmacSha1(keys, keys).protect(packet, 12, 0);
  expect(sealed.subarray(12, 60)).toEqual(
    hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0"),
  );
});

/** RFC 7714 §16.1: the packet that its examples protect. */
const examplePacket = hex(
  `8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573`,
);
const exampleKeys = { key: hex("000102030405060708090a0b0c0d0e0f"), salt: hex("517569642070726f2071756f") };

test("AGW-06b AEAD_AES_128_GCM seals SRTP as RFC 7714 16.1.1 shows", () => {
  const gcm = new AesGcm(exampleKeys, exampleKeys);
  const sealed = gcm.protect(examplePacket, 12, 0xf17b);
  expect(sealed).toEqual(
    hex(`8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf
      8833899d 7f27beb1 6a9152cf 765ee439 0cce`),
  );
  expect(gcm.unprotect(sealed, 12, 0xf17b)).toEqual(examplePacket);
});

test("AGW-06b AEAD_AES_128_GCM seals SRTCP as RFC 7714 17.1 shows", () => {
  const packet = hex(
    `81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef`,
  );
  const gcm = new AesGcm(exampleKeys, exampleKeys);
  const sealed = gcm.protectRtcp(packet, 0x05d4);
  expect(sealed).toEqual(
    hex(`81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded
      0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4`),
  );
  expect(gcm.unprotectRtcp(sealed)).toEqual({ index: 0x05d4, packet });
});

test("AGW-06b AES128_CM_HMAC_SHA1_80 and GCM agree with libsrtp's packets", () => {
  const packet = hex(`800f1234 decafbad cafebabe ${"ab".repeat(16)}`);
  const control = hex(`81c8000b cafebabe ${"ab".repeat(16)}`);
  const cm = sessionKeys({
    key: hex("e1f97a0d3e018be0d64fa32c06de4139"),
    salt: hex("0ec675ad498afeebb6960b3aabe6"),
  });
  const aesCm = new AesCmHmacSha1(cm.rtp, cm.rtcp);
  expect(aesCm.protect(packet, 12, 0x1234)).toEqual(
    hex("800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb"),
  );
  expect(aesCm.protectRtcp(control, 1)).toEqual(
    hex("81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798"),
  );
  const gcm = sessionKeys({ key: hex("000102030405060708090a0b0c0d0e0f"), salt: hex("a0a1a2a3a4a5a6a7a8a9aaab") });
  expect(new AesGcm(gcm.rtp, gcm.rtcp).protect(packet, 12, 0x1234)).toEqual(
    hex("800f1234 decafbad cafebabe c5002ede 04cfdd2e b91159e0 880aa06e d2976826 f796b201 df3131a1 27e8a392"),
  );
});

const profiles: [SrtpProfileName, number][] = [
  ["SRTP_AES128_CM_HMAC_SHA1_80", 14],
  ["SRTP_AEAD_AES_128_GCM", 12],
];

function pair(profile: SrtpProfileName, saltLength: number): { sender: SrtpSender; receiver: SrtpReceiver } {
  const master = { key: Buffer.alloc(16, 7), salt: Buffer.alloc(saltLength, 9) };
  return { sender: new SrtpSender(profile, master), receiver: new SrtpReceiver(profile, master) };
}

const packet = (sequence: number, text = "speech"): Buffer =>
  writeRtp({ marker: false, payloadType: 8, sequence, timestamp: 160, ssrc: 99, payload: Buffer.from(text) });

test.each(profiles)(
  "AGW-09a %s: packets in and out over the rollover of the sequence number",
  (profile, saltLength) => {
    const { sender, receiver } = pair(profile, saltLength);
    for (let at = 30_000; at < 200_000; at += 7001) {
      for (const index of [at, at + 2, at + 1]) {
        const plain = packet(index & 0xffff, `at ${index}`);
        const sealed = sender.rtp(plain, fixedHeaderLength);
        expect(sealed).toBeDefined();
        expect(sealed?.includes(`at ${index}`)).toBe(false);
        expect(receiver.rtp(sealed ?? Buffer.alloc(0))).toEqual(plain);
      }
    }
  },
);

test.each(profiles)("AGW-09a %s: a replayed, an old and a forged packet are refused", (profile, saltLength) => {
  const { sender, receiver } = pair(profile, saltLength);
  const sealed = Array.from(
    { length: 200 },
    (_, at) => sender.rtp(packet(1000 + at), fixedHeaderLength) ?? Buffer.alloc(0),
  );
  const [first = Buffer.alloc(0), ...others] = sealed;
  expect(receiver.rtp(first)).toEqual(packet(1000));
  expect(receiver.rtp(first)).toBe("replay");
  for (const one of others) expect(Buffer.isBuffer(receiver.rtp(one))).toBe(true);
  expect(receiver.rtp(first)).toBe("replay");
  const forged = Buffer.from(sender.rtp(packet(1300), fixedHeaderLength) ?? "");
  forged[20] = (forged[20] ?? 0) ^ 1;
  expect(receiver.rtp(forged)).toBe("authentication");
  expect(receiver.rtp(Buffer.from("8008000100000000", "hex"))).toBe("malformed");
});

test.each(profiles)("AGW-09a %s: SRTCP in and out; replay and forgery are refused", (profile, saltLength) => {
  const { sender, receiver } = pair(profile, saltLength);
  const report = hex("80c90001 00000063");
  const sealed = sender.rtcp(report);
  expect(receiver.rtcp(sealed)).toEqual(report);
  expect(receiver.rtcp(sealed)).toBe("replay");
  const forged = sender.rtcp(report);
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  expect(receiver.rtcp(forged)).toBe("authentication");
  expect(receiver.rtcp(Buffer.alloc(4))).toBe("malformed");
});

test("AGW-06b no packet index is encrypted twice", () => {
  const { sender } = pair("SRTP_AEAD_AES_128_GCM", 12);
  expect(sender.rtp(packet(5, "one"), fixedHeaderLength)).toBeDefined();
  expect(sender.rtp(packet(5, "two"), fixedHeaderLength)).toBeUndefined();
});

test("AGW-09a a source begins with its first authentic packet; many sources do not pile up", () => {
  const { sender, receiver } = pair("SRTP_AES128_CM_HMAC_SHA1_80", 14);
  for (let ssrc = 0; ssrc < 50; ssrc++) {
    const sealed = sender.rtp(packet(1000 + ssrc), fixedHeaderLength) ?? Buffer.alloc(0);
    sealed.writeUInt32BE(ssrc, 8);
    expect(receiver.rtp(sealed)).toBe("authentication");
  }
  expect(receiver.rtp(sender.rtp(packet(2000), fixedHeaderLength) ?? Buffer.alloc(0))).toEqual(packet(2000));
});

test("the index is the one nearest to the highest so far", () => {
  expect(packetIndex(7, -1)).toBe(7);
  expect(packetIndex(2, 65_535)).toBe(65_538);
  expect(packetIndex(65_530, 65_538)).toBe(65_530);
  expect(packetIndex(65_530, 2 * 65_536 + 3)).toBe(65_536 + 65_530);
});

test("the window knows each of its last indices exactly", () => {
  const window = new ReplayWindow(64);
  for (const index of [10, 12, 11, 70]) window.add(index);
  expect([10, 11, 12, 70].some((index) => window.isNew(index))).toBe(false);
  expect([13, 69, 71].every((index) => window.isNew(index))).toBe(true);
  expect(window.isNew(6)).toBe(false);
});
