import { expect, test } from "vitest";
import { EpcscfError } from "../src/errors.ts";
import { destinationClass, dial, type DialPlan } from "../src/policy/dialPlan.ts";

const plan: DialPlan = {
  domains: ["ims.test", "acme.ims.test"],
  internationalPrefix: "011",
  national: { trunk: "1", country: "+1", digits: 10 },
};

const taken: [string, string][] = [
  ["tel:+442079460123", "tel:+442079460123"],
  ["tel:+44-20-7946.0123", "tel:+442079460123"],
  ["tel:2025550110;phone-context=+1", "tel:+12025550110"],
  ["tel:2025550110;phone-context=ims.test", "tel:+12025550110"],
  ["sip:12025550110@ims.test", "tel:+12025550110"],
  ["sip:2025550110@ims.test;user=phone", "tel:+12025550110"],
  ["sip:011442079460123@ims.test", "tel:+442079460123"],
  ["sip:u0043@ACME.ims.test", "sip:u0043@acme.ims.test"],
  ["sip:u0043@acme.ims.test;maddr=10.0.0.1;transport=udp;lr", "sip:u0043@acme.ims.test"],
  ["sip:u0043@acme.ims.test;gr=urn:uuid:x", "sip:u0043@acme.ims.test"],
];
for (const [dialled, target] of taken)
  test(`${dialled} becomes ${target}`, () => expect(dial(dialled, plan).target).toBe(target));

const refused = [
  "tel:+442079460123;npdi;rn=+15550100",
  "tel:+442079460123;tgrp=x;trunk-context=op2.example",
  "tel:+442079460123;isub=1",
  "tel:2025550110;phone-context=+44",
  "tel:2025550110;phone-context=evil.example",
  "tel:+0123456",
  "tel:+1",
  "tel:*31#",
  "tel:*31%23;phone-context=ims.test",
  "tel:%31%32%33",
  "tel:123",
  "sip:+442079460123@elsewhere.example;user=phone",
  "sip:u0043@elsewhere.example",
  "sip:u0043@ims.test.evil.example",
  "sip:u0043@ims.test:5070",
  "sip:u0043:secret@ims.test",
  "sip:u0043@ims.test?Route=%3Csip:10.0.0.1%3E",
  "sip:+442079460123@ims.test?Route=x",
  "sip:+442079460123;npdi@ims.test;user=phone",
  "sip:%2B442079460123@ims.test;user=phone",
  "sip:u0043%40evil.example@ims.test",
  "sip:ims.test",
  "sips:u0043@ims.test",
  "sip:mary;x=y@ims.test;user=phone",
  "http://ims.test/",
  "mailto:u0043@ims.test",
];
for (const dialled of refused) {
  test(`${dialled} is refused`, () => {
    expect(() => dial(dialled, plan)).toThrow(expect.objectContaining({ code: "epcscf/target" }) as EpcscfError);
  });
}

const company: DialPlan = {
  ...plan,
  extensions: [
    { digits: 3, prefix: "+12125551" },
    { digits: 4, prefix: "+1212555" },
  ],
  shortCodes: [
    { code: "*97", target: "sip:voicemail@acme.ims.test" },
    { code: "#9", target: "sip:reception@acme.ims.test" },
    { code: "0", target: "+12125550100" },
    { code: "7", target: "*97" },
    { code: "8", target: "sip:x@elsewhere.example" },
  ],
};

test.each([
  ["tel:123;phone-context=ims.test", "extension", "tel:+12125551123"],
  ["tel:0142;phone-context=ims.test", "extension", "tel:+12125550142"],
  ["sip:0142@acme.ims.test", "extension", "tel:+12125550142"],
  ["tel:*97;phone-context=ims.test", "shortCode", "sip:voicemail@acme.ims.test"],
  ["sip:*97@acme.ims.test", "shortCode", "sip:voicemail@acme.ims.test"],
  ["tel:%239;phone-context=ims.test", "shortCode", "sip:reception@acme.ims.test"],
  ["tel:0;phone-context=ims.test", "shortCode", "tel:+12125550100"],
  ["tel:2025550110", "national", "tel:+12025550110"],
  ["tel:011442079460123", "international", "tel:+442079460123"],
  ["tel:+12025550110", "e164", "tel:+12025550110"],
  ["sip:u0043@acme.ims.test", "address", "sip:u0043@acme.ims.test"],
])("%s is read as %s: %s", (dialled, form, target) => {
  expect(dial(dialled, company)).toEqual({ form, target });
});

test.each(["tel:7", "tel:8", "tel:*98", "tel:12"])("%s: a code that leads nowhere is refused", (dialled) => {
  expect(() => dial(dialled, company)).toThrow(expect.objectContaining({ code: "epcscf/target" }) as EpcscfError);
});

test.each([
  ["tel:+12125550142", "internal"],
  ["sip:u0043@acme.ims.test", "internal"],
  ["tel:+12025550110", "national"],
  ["tel:+442079460123", "international"],
])("%s lies %s", (target, kind) => expect(destinationClass(target, company)).toBe(kind));
