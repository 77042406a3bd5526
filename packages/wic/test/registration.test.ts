import { expect, test } from "vitest";
import { impu, World } from "./world.ts";

test("WIC-05 WIC-06 WIC-03 REGISTER names home domain, IMPU, instance and service, and carries the token", async () => {
  const world = new World();
  const phone = await world.registered();
  expect(phone.state).toBe("registered");
  expect(world.states).toEqual([
    ["connecting", undefined],
    ["registered", undefined],
  ]);
  const register = world.last("REGISTER");
  expect(register.uri).toBe("sip:ims.test");
  expect(register.from.uri).toBe(impu);
  expect(register.to.uri).toBe(impu);
  expect(register.topVia.host).toMatch(/^[a-z0-9]{12}\.invalid$/);
  expect(register.topVia.protocol).toBe("WSS");
  const contact = register.get("Contact") ?? "";
  expect(contact).toContain(`@${register.topVia.host};transport=ws>`);
  expect(contact).toMatch(/;reg-id=1;/);
  expect(contact).toMatch(/\+sip\.instance="<urn:uuid:[0-9a-f-]{36}>"/);
  expect(contact).toContain('+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"');
  expect(register.list("Supported")).toEqual(["path", "gruu", "outbound"]);
  expect(register.get("Expires")).toBe("600000");
  expect(register.get("Authorization")).toBe("Bearer token-1");
});
