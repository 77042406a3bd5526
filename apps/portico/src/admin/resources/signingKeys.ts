import type { SigningKeyView } from "@portico/waf";
import { Type } from "typebox";
import { type Endpoint, endpoint } from "../endpoint.ts";
import { at, instant, named, oneOf, text } from "../fields.ts";

const signingKey = named("SigningKey", {
  kid: text(255, "As the JWK Set names it."),
  signsFrom: instant("From when on it signs."),
  state: oneOf(
    ["next", "signing", "verifying"],
    "next: published, and to sign later. verifying: its successor signs, and its tokens are still good.",
  ),
});
const signingKeys = named("SigningKeys", { items: Type.Array(signingKey) });

export const signingKeyEndpoints: readonly Endpoint[] = [
  endpoint({
    id: "listSigningKeys",
    method: "GET",
    path: "/signing-keys",
    tag: "signing-keys",
    summary: "The keys, the latest first",
    success: { status: 200, description: "The keys; the private halves are shown to nobody.", body: signingKeys },
    async handle({ waf }) {
      return { body: { items: waf.signingKeys.map(shownKey) } };
    },
  }),
  endpoint({
    id: "rotateSigningKey",
    method: "POST",
    path: "/signing-keys/rotate",
    tag: "signing-keys",
    summary: "Make the next key",
    description:
      "It is published at once and signs ten minutes later, when all verifiers have it; tokens of the key before stay good. " +
      "Done every 90 days by itself.",
    body: named("KeyRotation", {
      atOnce: Type.Optional(
        Type.Boolean({ description: "It signs at once: the present key is no longer trusted. Absent: false." }),
      ),
    }),
    success: { status: 200, description: "The keys now.", body: signingKeys },
    async handle({ waf }, { body: { atOnce = false } }) {
      await waf.rotateKey({ atOnce });
      return { body: { items: waf.signingKeys.map(shownKey) } };
    },
  }),
];

const shownKey = ({ kid, signsFrom, state }: SigningKeyView) => ({ kid, signsFrom: at(signsFrom), state });
