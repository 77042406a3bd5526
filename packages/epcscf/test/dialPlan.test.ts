import { expect, test } from "vitest";
import { EpcscfError } from "../src/errors.ts";
import { resolveTarget, type DialPlan } from "../src/policy/dialPlan.ts";

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
  test(`${dialled} becomes ${target}`, () => expect(resolveTarget(dialled, plan)).toBe(target));

const refused = [
  "tel:+442079460123;npdi;rn=+15550100",
  "tel:+442079460123;tgrp=x;trunk-context=op2.example",
  "tel:+442079460123;isub=1",
  "tel:2025550110;phone-context=+44",
  "tel:2025550110;phone-context=evil.example",
  "tel:+0123456",
  "tel:+1",
  "tel:*31#",
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
    expect(() => resolveTarget(dialled, plan)).toThrow(
      expect.objectContaining({ code: "epcscf/target" }) as EpcscfError,
    );
  });
}
