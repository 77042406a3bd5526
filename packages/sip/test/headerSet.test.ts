import { HeaderForm, HeaderSet, octets, parseMessage, SipRequest } from "@portico/sip";
import { expect, test } from "vitest";

const text = [
  "REGISTER sip:ims.example SIP/2.0",
  "Via: SIP/2.0/WS b1.invalid;branch=z9hG4bK1",
  "f: <sip:mary@acme.example>;tag=1",
  "To: <sip:mary@acme.example>",
  "Call-ID: c1",
  "CSeq: 1 REGISTER",
  "p-access-network-INFO: wlan",
  "m: <sip:mary@b1.invalid>",
  " ;expires=600",
  "X-Own: one",
  "CONTACT: <sip:other@b1.invalid>",
  "x-own: two",
  "l: 2",
  "",
  "ab",
].join("\r\n");

const register = (): SipRequest => {
  const message = parseMessage(text);
  if (!(message instanceof SipRequest)) throw new TypeError("a request");
  return message;
};

test("names in a set are taken out whatever their capitals, compact, folded, repeated and added ones too", () => {
  const names = ["Contact", "P-Access-Network-Info", "X-Own", "Subject", "P-None"];
  const one = register().add("Subject", "late").add("x-oWn", "three");
  const single = one.clone();
  for (const name of names) single.remove(name);
  one.removeAll(new HeaderSet(names));
  expect(one.toOctets()).toBe(single.toOctets());
  expect(one.headers().map(([name]) => name)).toEqual(["Via", "f", "To", "Call-ID", "CSeq", "l"]);
  expect(one.body).toBe("ab");
});

test("whoever takes Content-Length out finds it again on the wire, with what else was cached told anew", () => {
  const message = register();
  expect(message.callId).toBe("c1");
  message.removeAll(new HeaderSet(["Content-Length", "Call-ID"]));
  expect(() => message.callId).toThrow("Call-ID");
  expect(message.toOctets()).toMatch(/\r\nContent-Length: 2\r\n\r\nab$/);
});

test("an excerpt is the lines of a set as they stand, and tells messages apart that say something else", () => {
  const contacts = new HeaderSet(["Contact", "X-Own"]);
  expect(register().excerpt(contacts)).toBe(
    "m: <sip:mary@b1.invalid>\r\n ;expires=600\r\nX-Own: one\r\nCONTACT: <sip:other@b1.invalid>\r\nx-own: two\r\n",
  );
  expect(register().set("X-Own", "three").excerpt(contacts)).toContain("X-Own: three\r\nCONTACT");
  expect(register().excerpt(new HeaderSet(["Route"]))).toBe("");
});

test("the lines of a form are encoded, stand at the end, and begin no line of their own", () => {
  const form = new HeaderForm(["Subject", "Contact", "P-Absent", "Content-Length"]);
  const message = register().append(form, [" Zoë ", "<sip:portal.example>", undefined, "99"]);
  expect(message.get("Subject")).toBe("Zoë");
  expect(message.has("P-Absent")).toBe(false);
  expect(message.all("Contact").at(-1)).toBe("<sip:portal.example>");
  // What is said of the body is true all the same.
  expect(message.toOctets()).toContain(octets.fromText("Subject: Zoë\r\nContact: <sip:portal.example>\r\n"));
  expect(message.toOctets()).not.toContain("99");
  expect(() => register().append(form, ["one\r\nVia: two"])).toThrow("Subject");
  expect(() => new HeaderForm(["Sub ject"])).toThrow("header name");
});
