import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Checkpoint } from "@portico/store";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { CliError } from "./cliError.ts";

/** Checkpoints of the audit as `portico audit checkpoints` prints them. */
const shape = Type.Object({
  items: Type.Array(
    Type.Object({
      tenant: Type.Optional(Type.String()),
      seq: Type.Integer(),
      hash: Type.String(),
      at: Type.String(),
      signature: Type.String(),
    }),
  ),
  publicKey: Type.Object({ kty: Type.Literal("OKP"), crv: Type.Literal("Ed25519"), x: Type.String() }),
});
const check = Compile(shape);

/** Reads a file of checkpoints. @throws CliError */
export function readCheckpoints(file: string): {
  /** As the Admin API takes them. */
  readonly items: Static<typeof shape>["items"];
  readonly checkpoints: readonly Checkpoint[];
  readonly publicKey: KeyObject;
} {
  const remedy = "Name a file that portico audit checkpoints has printed.";
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new CliError("usage", `${file} cannot be read as JSON`, remedy);
  }
  if (!check.Check(value)) throw new CliError("usage", `${file} holds no checkpoints`, remedy);
  const { items, publicKey } = value;
  try {
    const key = createPublicKey({ key: { ...publicKey }, format: "jwk" });
    const checkpoints = items.map(({ tenant, seq, hash, at, signature }) => ({
      tenant,
      seq,
      hash,
      at: Date.parse(at),
      signature,
    }));
    return { items, checkpoints, publicKey: key };
  } catch {
    throw new CliError("usage", `the publicKey of ${file} is no key`, remedy);
  }
}
