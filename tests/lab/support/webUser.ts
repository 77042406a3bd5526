import { randomUUID } from "node:crypto";
import { systemClock, systemRandom } from "@portico/transport";
import { ImsClient, type ImsSession, type Platform } from "@portico/wic";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";
import { WebSocket } from "ws";

/** A third party without a web site: it signs users in by itself and asks the WAF for their tokens (W4). */
export class ThirdParty {
  static readonly clientId = "talk.acme.example";
  static readonly origin = "https://talk.acme.example";
  readonly #key: CryptoKey;
  readonly #issuer: string;
  readonly publicKey: JWK;

  /** @param issuer of the WAF. */
  static async create(issuer: string): Promise<ThirdParty> {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    return new ThirdParty(issuer, privateKey, { ...(await exportJWK(publicKey)), kid: "site", alg: "ES256" });
  }

  private constructor(issuer: string, key: CryptoKey, publicKey: JWK) {
    this.#issuer = issuer;
    this.#key = key;
    this.publicKey = publicKey;
  }

  /** A token for one web session of a user, with all that her page needs. */
  async session(user: string, webSession: string): Promise<ImsSession> {
    const { clientId, origin } = ThirdParty;
    const response = await fetch(`${this.#issuer}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token: await this.#sign({ iss: origin, aud: clientId, sub: user }),
        subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
        requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
        scope: "ims.register ims.voice",
        web_session: webSession,
        client_id: clientId,
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: await this.#sign({ iss: clientId, sub: clientId, aud: this.#issuer, jti: randomUUID() }),
      }),
    });
    if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status });
    const grant = (await response.json()) as { access_token: string; expires_in: number; ims: ImsSession };
    return { ...grant.ims, accessToken: grant.access_token, expiresIn: grant.expires_in };
  }

  #sign(claims: Record<string, string>): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid: "site" })
      .setIssuedAt()
      .setExpirationTime("2m")
      .sign(this.#key);
  }
}

/** The SDK of one tab, outside of a browser: everything but media. */
export class WebUser {
  readonly phone: ImsClient;
  readonly #sockets = new Set<WebSocket>();
  #gone = false;

  constructor(site: ThirdParty, user: string) {
    const webSession = randomUUID();
    const storage = new Map<string, string>();
    const platform: Platform = {
      clock: systemClock,
      random: systemRandom,
      uuid: () => randomUUID(),
      openSocket: (url, protocol) => this.#open(url, protocol) as never,
      createPeerConnection: noMedia,
      createStream: noMedia,
      microphone: noMedia,
      tabStorage: { get: (key) => storage.get(key), set: (key, value) => void storage.set(key, value) },
      lock: async () => () => undefined,
      isOnline: () => true,
      onHint: () => () => undefined,
      report: () => undefined,
    };
    this.phone = new ImsClient({ tokens: () => site.session(user, webSession), platform });
    // What stops it is seen in its state.
    this.phone.start().catch(() => undefined);
  }

  /** The tab is closed: a browser says nothing more. */
  vanish(): void {
    this.#gone = true;
    for (const socket of this.#sockets) socket.terminate();
  }

  #open(url: string, protocol: string): WebSocket {
    if (this.#gone) throw new Error("the tab is closed");
    const socket = new WebSocket(url, protocol, { origin: ThirdParty.origin });
    this.#sockets.add(socket);
    // "close" follows, and is what the SDK hears.
    socket.on("error", () => undefined);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }
}

function noMedia(): never {
  throw new Error("this user has no media");
}
