import { afterEach, beforeEach, expect, test } from "vitest";
import { dial, registered } from "./support/call.ts";
import { openRig, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

let rig: Rig;
beforeEach(async () => void (rig = await openRig()));
afterEach(() => rig.close());

const numbers = [
  "tel:911",
  "tel:112;phone-context=ims.test",
  "tel:9-1-1;phone-context=+1",
  "sip:911@ims.test;user=phone",
  "sip:112@elsewhere.example",
  "sip:%39%31%31@ims.test",
  "sip:911;phone-context=+1@ims.test;user=phone",
];

for (const target of numbers) {
  test(`EPC-SES-01 EMG-01a EMG-02 ${target}: 380 with the ims-3gpp body, registered or not`, async () => {
    for (const browser of [await registered(rig), await rig.connect()]) {
      const leg = dial(browser, { target });
      const response = await until(() => leg.rejected);
      expect(response.status).toBe(380);
      expect(response.get("Content-Type")).toBe("application/3gpp-ims+xml");
      expect(response.body).toMatch(
        /<ims-3gpp version="1">\s*<alternative-service>\s*<type>emergency<\/type>\s*<reason>[^<]+</,
      );
      expect(response.get("P-Asserted-Identity")).toBe("<sip:portal.ims.test:443>");
      expect(response.toTag).toBeDefined();
    }
    expect(rig.core.got.some(({ method }) => method === "INVITE")).toBe(false);
  });
}

for (const target of ["urn:service:sos", "urn:service:sos.fire", "URN:service:SOS.police"]) {
  test(`EMG-01b ${target}: 380 before anything else, a bad token included`, async () => {
    const leg = dial(await registered(rig), {
      target,
      headers: [["Authorization", "Bearer no.such.token"]],
      offer: "",
    });
    expect((await until(() => leg.rejected)).status).toBe(380);
  });
}

test("EMG-01a other initial requests are screened too", async () => {
  const browser = await registered(rig);
  expect((await browser.request("MESSAGE", "tel:911", [])).status).toBe(380);
});

test("a number that only holds an emergency number is none", async () => {
  const leg = dial(await registered(rig), { target: "tel:+19115550100" });
  expect((await until(() => leg.rejected)).status).toBe(501);
});
