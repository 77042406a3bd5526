import { parseReginfo } from "@portico/sip";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fuzzRuns } from "./fuzzRuns.ts";

const head = '<?xml version="1.0"?>\n<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="1" state="partial">';

test("reads the document of RFC 3680 §5.1", () => {
  const text = `${head}
     <registration aor="sip:joe@example.com" id="as9" state="active">
       <contact id="76" state="active" event="registered" duration-registered="7322" q="0.8">
         <uri>sip:joe@pc34.example.com</uri>
       </contact>
       <contact id="77" state="terminated" event="expired" duration-registered="3600" q="0.5" retry-after="30">
         <uri>sip:joe@pc35.example.com</uri>
       </contact>
     </registration>
   </reginfo>`;
  expect(parseReginfo(text)).toEqual({
    version: 1,
    state: "partial",
    registrations: [
      {
        aor: "sip:joe@example.com",
        state: "active",
        contacts: [
          { id: "76", uri: "sip:joe@pc34.example.com", state: "active", event: "registered" },
          { id: "77", uri: "sip:joe@pc35.example.com", state: "terminated", event: "expired", retryAfter: 30 },
        ],
      },
    ],
  });
});

test("a registration may end without naming its contacts, as an element or empty", () => {
  for (const registration of [
    '<registration aor="sip:a@b" id="1" state="terminated"/>',
    '<registration aor="sip:a@b" id="1" state="terminated"></registration>',
  ]) {
    const info = parseReginfo(`${head.replace('"1" state="partial"', '"2" state="full"')}${registration}</reginfo>`);
    expect(info).toEqual({
      version: 2,
      state: "full",
      registrations: [{ aor: "sip:a@b", state: "terminated", contacts: [] }],
    });
  }
});

test.each([
  ["a namespace prefix", '<r:reginfo version="0"><r:registration aor="sip:a@b" state="init"/></r:reginfo>', "init"],
  ["single quotes and space", "<reginfo><registration  aor = 'sip:a@b'\n state='active' /></reginfo>", "active"],
  ["> in a value", '<reginfo><registration x="a>b" aor="sip:a@b" state="init"></registration></reginfo>', "init"],
  [
    "a commented registration",
    '<reginfo><!--<registration aor="no"/>--><registration aor="sip:a@b"/></reginfo>',
    "active",
  ],
  ["an unknown state", '<reginfo><registration aor="sip:a@b" state="odd"/></reginfo>', "active"],
])("reads a document with %s", (_, text, state) => {
  expect(parseReginfo(text)?.registrations).toEqual([{ aor: "sip:a@b", state, contacts: [] }]);
});

test("names end where they end, comments hide tags, entities are read", () => {
  const text = `<reginfo><registration aor="sip:a@b;x=&quot;1&quot;" state="active">
    <contacts-seen/><contact id="1" state="active" event="registered"><!-- </contact> --><uri>sip:a&amp;b@c&#59;x&#x3D;1</uri>
    </contactor></contact><contact id="2" state="terminated" event="rejected"/></registration></reginfo>`;
  const [own] = parseReginfo(text)?.registrations ?? [];
  expect(own?.aor).toBe('sip:a@b;x="1"');
  expect(own?.contacts.map(({ id, uri, event }) => [id, uri, event])).toEqual([
    ["1", "sip:a&b@c;x=1", "registered"],
    ["2", "", "rejected"],
  ]);
});

test.each(["", "no XML", "<reg", "<reginfo", "<!-- <reginfo>", "<registration/>", "x".repeat(70_000)])(
  "%j is no reginfo document",
  (text) => {
    expect(parseReginfo(text)).toBeUndefined();
  },
);

const piece = fc.oneof(
  fc.constantFrom(
    "<reginfo>",
    '<reginfo version="1" state="full">',
    "</reginfo>",
    '<registration aor="sip:a@b" state="terminated">',
    "</registration>",
    "<contact",
    ' id="1"',
    " state='active'",
    "/>",
    ">",
    "</contact>",
    "<uri>",
    "</uri>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&#x110000;",
    '"',
    "=",
    "<",
  ),
  fc.string({ maxLength: 8 }),
);

test("any text at all is read or refused, never thrown at", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      for (const text of [pieces.join(""), `<reginfo>${pieces.join("")}`]) {
        const info = parseReginfo(text);
        if (!info) continue;
        expect(Number.isInteger(info.version)).toBe(true);
        for (const { contacts } of info.registrations)
          for (const { uri } of contacts) expect(typeof uri).toBe("string");
      }
    }),
    { numRuns: fuzzRuns(500) },
  );
});

test("64 KiB of hostile text are read in a moment", () => {
  for (const part of [
    "<",
    "<a",
    "<!--",
    "<registration ",
    "<registration>",
    "<registration/>",
    "<registration><contact>",
    "<contact a=",
    '<registration a="',
    " =",
    "</registration",
    "&#",
    "<reginfo",
    "<registration><contact><uri></registration>",
  ]) {
    const text = `<reginfo>${part.repeat(65_000 / part.length)}`;
    const start = performance.now();
    parseReginfo(text);
    // Quadratic reading of this length takes many seconds.
    expect({ part, slow: performance.now() - start > 1000 }).toEqual({ part, slow: false });
  }
});
