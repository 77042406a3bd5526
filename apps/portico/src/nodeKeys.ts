import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { join } from "node:path";
import type { Store } from "@portico/store";
import {
  keyFile,
  type KeyStorage,
  readOrMake,
  recipientKey,
  sealedKeys,
  type TokenRecipient,
  WafError,
} from "@portico/waf";
import type { PortalConfig } from "./config/schema.ts";

/** Files of the keys in the data folder of a node that is alone. */
const files = { "token-signing": "waf-keys.json", "token-recipient": "token-recipient.json", audit: "audit-key.pem" };

/** Keys that are the same on all nodes of a portal. */
export interface NodeKeys {
  readonly signing: KeyStorage;
  readonly tokenRecipient: TokenRecipient;
  /** Ed25519; signs checkpoints of the audit. */
  readonly audit: KeyObject;
}

/**
 * Opens them: in the database and sealed where there is a key secret, in files of the data folder otherwise. What a node
 * that was alone has in its files it brings along.
 * @throws WafError `key_file`, `keys_sealed`
 */
export async function openNodeKeys(config: Pick<PortalConfig, "data" | "keySecret">, store: Store): Promise<NodeKeys> {
  const [signing, recipient, audit] = [
    await storageOf("token-signing", config, store),
    await storageOf("token-recipient", config, store),
    await storageOf("audit", config, store),
  ];
  return { signing, tokenRecipient: await recipientKey(recipient), audit: await auditKey(audit) };
}

async function storageOf(
  name: keyof typeof files,
  { data, keySecret }: Pick<PortalConfig, "data" | "keySecret">,
  store: Store,
): Promise<KeyStorage> {
  const file = keyFile(join(data, files[name]));
  if (keySecret === undefined) return file;
  const sealed = sealedKeys(store.keptKeys, name, keySecret);
  const former = (await sealed.stamp()) === undefined ? await file.read() : undefined;
  if (former !== undefined) await sealed.write(former.text, undefined);
  return sealed;
}

async function auditKey(storage: KeyStorage): Promise<KeyObject> {
  const { text } = await readOrMake(storage, async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    return privateKey.export({ format: "pem", type: "pkcs8" });
  });
  try {
    return createPrivateKey(text);
  } catch {
    // The parser's message could quote the key.
    throw new WafError("key_file", `${storage.name} holds no private key`);
  }
}
