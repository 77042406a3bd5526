import type { SipRequest, SipResponse } from "@portico/sip";
import { impu, type Browser, type Rig } from "./rig.ts";

/** The identity that a wildcarded block is registered by. */
export const shared = { impu: "sip:company@acme.ims.test", impi: "company.acme@ims.test" };
/** Another user of the block than {@link impu}. */
export const other = "sip:u0043@acme.ims.test";
export const instance = (n: number): string => `<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b7${n}>`;

let users = 0;

/** A browser of a user, and the answer to its REGISTER. */
export async function comeTo(
  rig: Rig,
  who = impu,
  more: { expires?: number; seconds?: number; device?: number; sid?: string } = {},
): Promise<{ browser: Browser; response: SipResponse; leave: () => Promise<SipResponse> }> {
  users += 1;
  const { expires = 600, seconds = 3600, device = users % 10, sid = `s-${who}` } = more;
  const browser = await rig.connect();
  browser.impu = who;
  const token = await rig.token({ impu: who, sub: `p-${who}`, sid }, { seconds });
  const contact = (asked: number): string =>
    `<sip:u@k3v9q0d1xm.invalid;transport=ws>;reg-id=1;expires=${asked};+sip.instance="${instance(device)}"`;
  const response = await browser.register(token, { contact: contact(expires) });
  return { browser, response, leave: () => browser.register(token, { contact: contact(0) }) };
}

export const registersOf = (rig: Rig): SipRequest[] => rig.core.got.filter(({ method }) => method === "REGISTER");
