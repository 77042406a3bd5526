import { describe, expect, test } from "vitest";
import { World } from "./world.ts";

describe("what the portal says when it closes the connection", () => {
  const closes: readonly [code: number, reason: string, told: string, state: "reconnecting" | "ended"][] = [
    [4403, "revoked", "wic/access-revoked", "reconnecting"],
    [4403, "token-expired", "wic/permission-ended", "reconnecting"],
    [4403, "operator", "wic/registration-ended", "ended"],
    [4403, "not-in-block", "wic/registration-refused", "ended"],
    [4403, "network", "wic/registration-expired", "reconnecting"],
    [4403, "expired", "wic/registration-expired", "reconnecting"],
    [4403, "constructor", "wic/connection-lost", "reconnecting"],
    [4409, "replaced", "wic/replaced", "ended"],
    [1001, "portal-closing", "wic/portal-restarting", "reconnecting"],
    [1006, "", "wic/connection-lost", "reconnecting"],
  ];
  for (const [code, reason, told, state] of closes) {
    test(`EPC-DER-02b ${code} ${reason}: the user hears ${told}, and the client is ${state}`, async () => {
      const world = new World();
      const phone = await world.registered();
      world.socket.drop(code, reason);
      expect([phone.state, phone.reason?.code]).toEqual([state, told]);
      expect(phone.reason?.remedies.length).toBeGreaterThan(0);
      await world.clock.settle(60_000);
      expect(phone.state).toBe(state === "ended" ? "ended" : "registered");
      expect(world.tokensAsked).toBe(code === 4403 && state !== "ended" ? 2 : 1);
    });
  }
});

describe("what the portal answers to REGISTER", () => {
  const answers: readonly [status: number, reason: string, told: string, fatal: boolean][] = [
    [401, "", "wic/not-authorized", true],
    [403, "SIP;cause=403", "wic/registration-refused", true],
    [404, "SIP;cause=404", "wic/registration-refused", true],
    [404, "SIP;cause=604", "wic/registration-refused", true],
    [420, "", "wic/registration-refused", true],
    [439, "SIP;cause=439", "wic/registration-refused", true],
    [480, "SIP;cause=302", "wic/network-busy", false],
    [480, "", "wic/company-full", false],
    [500, "SIP;cause=500", "wic/registration-failed", false],
    [503, "", "wic/network-busy", false],
    [503, "SIP;cause=503", "wic/network-busy", false],
    [503, "SIP;cause=401", "wic/network-setup", false],
    [503, "SIP;cause=420", "wic/network-setup", false],
    [504, "SIP;cause=408", "wic/network-silent", false],
    [504, "", "wic/network-silent", false],
  ];
  for (const [status, reason, told, fatal] of answers) {
    test(`EPC-REG-18h ${status} ${reason}: the user hears ${told}${fatal ? "" : ", and it is tried again"}`, async () => {
      const world = new World();
      world.onRegister = (tx) => tx.reply(status, { headers: reason === "" ? [] : [["Reason", reason]] });
      const phone = world.client();
      phone.start().catch(() => undefined);
      await world.clock.settle(50);
      expect(phone.reason).toMatchObject({ code: told, status, fatal });
      world.onRegister = (tx) => world.grant(tx);
      await world.clock.settle(10_000);
      expect(phone.state).toBe(fatal ? "ended" : "registered");
    });
  }

  test("EPC-REG-18h a refresh that the network does not take is tried again on the same flow", async () => {
    const world = new World();
    const phone = await world.registered();
    world.onRegister = (tx) => tx.reply(504);
    await world.clock.settle(310_000);
    expect([phone.state, world.requests("REGISTER").length > 2]).toEqual(["registered", true]);
    world.onRegister = (tx) => world.grant(tx);
    await world.clock.settle(120_000);
    expect([phone.state, world.sockets.length]).toEqual(["registered", 1]);
  });
});
