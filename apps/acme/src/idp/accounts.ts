import type { AcmeUser } from "../config.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";

/** A person who may sign in. */
export interface Account {
  /** Subject identifier, the same for ever. */
  readonly id: string;
  readonly name: string;
}

/** The company's people and their passwords. */
export class Accounts {
  readonly #hashes = new Map<string, string>();
  readonly #people = new Map<string, Account>();
  /** Compared when the user name is unknown, so that both answers take the same time. */
  readonly #decoy: string;

  private constructor(decoy: string) {
    this.#decoy = decoy;
  }

  static async open(users: readonly AcmeUser[]): Promise<Accounts> {
    const accounts = new Accounts(await hashPassword("nobody has this password"));
    await Promise.all(
      users.map(async ({ username, name, password, passwordHash }) => {
        accounts.#people.set(username, { id: username, name });
        accounts.#hashes.set(username, passwordHash ?? (await hashPassword(password ?? "")));
      }),
    );
    return accounts;
  }

  find(id: string): Account | undefined {
    return this.#people.get(id);
  }

  all(): Account[] {
    return [...this.#people.values()];
  }

  /** The account, when user name and password fit together. */
  async verify(username: string, password: string): Promise<Account | undefined> {
    const name = username.trim().toLowerCase();
    const fits = await verifyPassword(password, this.#hashes.get(name) ?? this.#decoy);
    return fits ? this.#people.get(name) : undefined;
  }
}
