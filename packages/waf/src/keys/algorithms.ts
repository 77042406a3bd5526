/** Signatures with a key pair only: with a shared secret one could not tell the signer from those he shares it with. */
export const signatureAlgorithms: string[] = [
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "EdDSA",
  "Ed25519",
];
