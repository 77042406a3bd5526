import { Agent, request } from "node:https";

/** A client certificate, PEM. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
  /** Authorities that the WAF's certificate may come from, PEM; absent: those of Node. */
  readonly ca?: string;
}

/** Octets of an answer at most. */
const answerLimit = 256 * 1024;

/**
 * `fetch` for forms over TLS with a client certificate, which the `fetch` of Node cannot be given. It follows no
 * redirects and takes what this package asks for: method, headers, a body of text, a signal.
 */
export function mutualTlsFetch({ cert, key, ca }: ClientCertificate): typeof fetch {
  const agent = new Agent({ cert, key, keepAlive: true, ...(ca === undefined ? {} : { ca }) });
  return async (input, { method = "GET", headers, body, signal } = {}) => {
    const content = body === undefined || body === null ? "" : await new Response(body).text();
    const sent = new Headers(headers);
    if (body instanceof URLSearchParams) sent.set("content-type", "application/x-www-form-urlencoded");
    sent.set("content-length", String(Buffer.byteLength(content)));
    return await new Promise<Response>((resolve, reject) => {
      const asked = request(
        new URL(input instanceof Request ? input.url : input),
        { agent, method, headers: Object.fromEntries(sent), ...(signal ? { signal } : {}) },
        (answer) => {
          const chunks: Buffer[] = [];
          let size = 0;
          answer.on("data", (chunk: Buffer) => {
            size += chunk.length;
            if (size > answerLimit) answer.destroy(new Error(`the answer is longer than ${answerLimit} octets`));
            else chunks.push(chunk);
          });
          answer.on("error", reject);
          answer.on("end", () => resolve(toResponse(answer.statusCode ?? 502, answer.headers, Buffer.concat(chunks))));
        },
      );
      asked.on("error", reject);
      asked.end(content);
    });
  };
}

function toResponse(status: number, headers: NodeJS.Dict<string | string[]>, body: Buffer<ArrayBuffer>): Response {
  const list = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
  // A status without content takes no body, not even an empty one.
  return new Response(body.length === 0 ? null : body, { status, headers: list });
}
