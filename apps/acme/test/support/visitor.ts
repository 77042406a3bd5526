/** A browser without a page: keeps cookies, follows no redirect by itself. */
export class Visitor {
  readonly #origin: string;
  readonly cookies = new Map<string, { value: string; attributes: string }>();

  constructor(origin: string) {
    this.#origin = origin;
  }

  get cookieHeader(): string {
    return Array.from(this.cookies, ([name, { value }]) => `${name}=${value}`).join("; ");
  }

  /** @param target a path, or an address of this site. */
  async fetch(
    target: string,
    init: Omit<RequestInit, "headers"> & { headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const response = await fetch(new URL(target, this.#origin), {
      redirect: "manual",
      ...init,
      headers: { cookie: this.cookieHeader, ...init.headers },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(";");
      const at = pair.indexOf("=");
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      if (value === "" || /max-age=0|expires=thu, 01 jan 1970/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, { value, attributes: attributes.join(";") });
    }
    return response;
  }

  /** Follows redirects to the first answer that is none. */
  async follow(target: string): Promise<{ url: string; response: Response }> {
    let url = new URL(target, this.#origin).href;
    for (let hops = 0; hops < 10; hops += 1) {
      const response = await this.fetch(url);
      const location = response.headers.get("location");
      if (location === null) return { url, response };
      url = new URL(location, url).href;
    }
    throw new Error(`too many redirects to ${url}`);
  }

  /** Fills in the sign-in form. */
  async submit(url: string, username: string, password: string, origin: string = this.#origin): Promise<Response> {
    return this.fetch(url, {
      method: "POST",
      headers: { origin },
      body: new URLSearchParams({ username, password }),
    });
  }

  /** The whole way from the landing page's link to a session. */
  async signIn(username: string, password: string): Promise<void> {
    const { url } = await this.follow("/login");
    const submitted = await this.submit(url, username, password);
    if (submitted.status !== 303) throw new Error(`the sign-in form answered ${submitted.status}`);
    const { response } = await this.follow(submitted.headers.get("location") ?? "");
    if (!response.ok) throw new Error(`sign-in ended with ${response.status}`);
  }

  post(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, { method: "POST", headers: { origin: this.#origin, "x-acme-talk": "1", ...headers } });
  }
}
