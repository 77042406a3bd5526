import { expect, test } from "vitest";
import fc from "fast-check";
import { octets } from "../src/index.ts";

// Any character. fast-check's own unit "binary" takes two seconds to prepare.
const unit = fc.nat(0x10ffff).map((code) => String.fromCodePoint(code).toWellFormed());

test("text survives the way to octets and back, as the platform's own encoder does it", () => {
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
      const encoded = octets.fromText(text);
      expect(octets.toBytes(encoded)).toEqual(new TextEncoder().encode(text));
      expect(octets.isUtf8(encoded)).toBe(true);
      expect(octets.toText(encoded)).toBe(text);
    }),
  );
});

test("isUtf8 agrees with the platform's decoder, and what is no UTF-8 reads as Latin-1", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0x41, 0x80, 0x9f, 0xa0, 0xbf, 0xc1, 0xc3, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff), {
        maxLength: 6,
      }),
      (list) => {
        const bytes = Uint8Array.from(list);
        const source = octets.fromBytes(bytes);
        let text: string | undefined;
        try {
          text = decoder.decode(bytes);
        } catch {
          text = undefined;
        }
        expect(octets.isUtf8(source)).toBe(text !== undefined);
        expect(octets.toText(source)).toBe(text ?? source);
      },
    ),
    { numRuns: 2000 },
  );
});

test("a lone surrogate becomes the replacement character", () => {
  expect(octets.toText(octets.fromText("a\ud800b"))).toBe("a\ufffdb");
});

test("bytes of any length survive", () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i & 0xff);
  expect(octets.toBytes(octets.fromBytes(bytes))).toEqual(bytes);
});
