import { describe, expect, test } from "vitest";
import { AuthenticationCentre, Usim } from "../src/core/aka.ts";
import { milenage } from "../src/core/milenage.ts";

const hex = (text: string): Buffer => Buffer.from(text, "hex");

/** TS 35.208 §4.3, test set 1. */
const first = {
  k: "465b5ce8b199b49faa5f0a2ee238a6bc",
  rand: "23553cbe9637a89d218ae64dae47bf35",
  sqn: "ff9bb4d0b607",
  amf: "b9b9",
  opc: "cd63cb71954a9f4e48a5994e37a02baf",
  f1: "4a9ffac354dfafb3",
  f1Star: "01cfaf9ec4e871e9",
  f2: "a54211d5e3ba50bf",
  f5: "aa689c648370",
  f3: "b40ba9a3c58b2a05bbf0d987b21bf8cb",
  f4: "f769bcd751044604127672711c6d3441",
  f5Star: "451e8beca43b",
};
/** Test set 3. */
const third = {
  k: "fec86ba6eb707ed08905757b1bb44b8f",
  rand: "9f7c8d021accf4db213ccff0c7f71a6a",
  sqn: "9d0277595ffc",
  amf: "725c",
  opc: "1006020f0a478bf6b699f15c062e42b3",
  f1: "9cabc3e99baf7281",
  f1Star: "95814ba2b3044324",
  f2: "8011c48c0c214ed2",
  f5: "33484dc2136b",
  f3: "5dbdbb2954e8f3cde665b046179a5098",
  f4: "59a92d3b476a0443487055cf88b2307b",
  f5Star: "deacdd848cc6",
};

test.each([first, third])("EPC-REG-24b Milenage computes what TS 35.208 lists for RAND $rand", (set) => {
  const { res, ck, ik, ak, akResync, mac } = milenage({ k: hex(set.k), opc: hex(set.opc) }, hex(set.rand));
  const { network, resync } = mac(hex(set.sqn), hex(set.amf));
  const values = { f1: network, f1Star: resync, f2: res, f3: ck, f4: ik, f5: ak, f5Star: akResync };
  const written = Object.entries(values).map(([name, value]) => [name, value.toString("hex")]);
  expect(set).toMatchObject(Object.fromEntries(written));
});

describe("EPC-REG-24b a USIM and its authentication centre", () => {
  const { k, opc, rand } = first;
  const key = { k: hex(k), opc: hex(opc) };

  test("agree on a password, each challenge once", () => {
    const [centre, usim] = [new AuthenticationCentre(key), new Usim(key)];
    const { nonce, password } = centre.vector(hex(rand));
    expect(usim.answer(nonce)).toEqual({ password });
    // Computed apart from this code: HMAC-SHA-256 of the key RES || IK || CK.
    expect(password).toBe("wpC+5dv/7kC35JEI2hluv8XcBd+vf8XcfedJBan1buk=");
    expect(usim.answer(nonce)).toEqual({ auts: expect.any(String) });
  });

  test("resynchronise, and nobody else can make them", () => {
    const [centre, usim] = [new AuthenticationCentre(key), new Usim(key, 41)];
    const { nonce } = centre.vector();
    const answer = usim.answer(nonce);
    const auts = "auts" in answer ? answer.auts : "";
    const forged = Buffer.from(auts, "base64");
    forged[0] = (forged[0] ?? 0) ^ 1;
    for (const wrong of [forged.toString("base64"), "", "AAAA"]) {
      expect(centre.resynchronise(nonce, wrong)).toBe(false);
    }
    expect(centre.resynchronise(nonce, auts)).toBe(true);
    const { nonce: next, password } = centre.vector();
    expect(usim.answer(next)).toEqual({ password });
  });

  test("notice a stranger", () => {
    const other = { k: hex(k.replace("4", "5")), opc: hex(opc) };
    expect(() => new Usim(key).answer(new AuthenticationCentre(other).vector().nonce)).toThrow("MAC failure");
  });
});
