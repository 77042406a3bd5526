import { CipherContext, DtlsClient, DtlsServer } from "werift";

/** The other end of a handshake by another implementation. */
export interface WeriftEnd {
  receive(datagram: Buffer): void;
  keys(): { local: Buffer; remote: Buffer };
  connected: Promise<void>;
}

/** Opens an end of werift's DTLS; ECDSA P-256, AES-CM. */
export async function openWerift(role: "client" | "server", send: (datagram: Buffer) => void): Promise<WeriftEnd> {
  const { certPem, keyPem, signatureHash } = await CipherContext.createSelfSignedCertificateWithKey(
    { signature: 3, hash: 4 },
    23,
  );
  const transport = {
    type: "udp",
    closed: false,
    address: { address: "", family: "IPv4", port: 0 },
    onData: (_datagram: Buffer, _from: readonly [string, number]): void => undefined,
    send: async (datagram: Buffer): Promise<void> => send(datagram),
    close: async (): Promise<void> => undefined,
  };
  const options = {
    transport,
    cert: certPem,
    key: keyPem,
    ...(signatureHash ? { signatureHash } : {}),
    srtpProfiles: [1 as const],
    certificateRequest: true,
    extendedMasterSecret: true,
  };
  const socket = role === "client" ? new DtlsClient(options) : new DtlsServer(options);
  const connected = new Promise<void>((resolve) => {
    socket.onConnect.subscribe(() => resolve());
  });
  if (socket instanceof DtlsClient) socket.connect().catch(() => undefined);
  return {
    receive: (datagram) => transport.onData(datagram, ["", 0]),
    keys: () => {
      const { localKey, remoteKey } = socket.extractSessionKeys(16, 14);
      return { local: localKey, remote: remoteKey };
    },
    connected,
  };
}
