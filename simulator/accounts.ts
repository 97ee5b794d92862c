/** Accounts and how their requests are signed. */
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export interface SimulatedAccount {
  readonly name: string;
  readonly apiKey: string;
  readonly secret: { readonly kind: 'hmac'; readonly secret: string } | { readonly kind: 'ed25519'; readonly publicKeyPem: string };
  /** Amounts by asset that it starts with. */
  readonly deposits: Readonly<Record<string, string>>;
}

/** What a key may do, as `GET /sapi/v1/account/apiRestrictions` names it; the account may do all of it. */
export const keyRights = [
  'ipRestrict',
  'enableReading',
  'enableWithdrawals',
  'enableInternalTransfer',
  'permitsUniversalTransfer',
  'enableMargin',
  'enableFutures',
  'enableVanillaOptions',
  'enableSpotAndMarginTrading',
] as const;
export type KeyRights = Readonly<Record<(typeof keyRights)[number], boolean>>;

const tradesOnly: KeyRights = {
  ...{ ipRestrict: true, enableReading: true, enableSpotAndMarginTrading: true, enableMargin: false, enableFutures: false },
  ...{ enableWithdrawals: false, enableInternalTransfer: false, permitsUniversalTransfer: false, enableVanillaOptions: false },
};

/** Checks signatures by API key. HMAC-SHA256 in hex (either case) or Ed25519 in base64, as Binance documents them. */
export class Keyring {
  readonly #accounts = new Map<string, SimulatedAccount>();
  readonly #publicKeys = new Map<string, KeyObject>();
  readonly #rights = new Map<string, KeyRights>();

  constructor(accounts: readonly SimulatedAccount[]) {
    for (const account of accounts) {
      this.#accounts.set(account.apiKey, account);
      if (account.secret.kind === 'ed25519') this.#publicKeys.set(account.apiKey, createPublicKey(account.secret.publicKeyPem));
    }
  }

  /** Null for a key that nobody has. */
  accountOf(apiKey: string): SimulatedAccount | null {
    return this.#accounts.get(apiKey) ?? null;
  }

  rightsOf({ apiKey }: SimulatedAccount): KeyRights {
    return this.#rights.get(apiKey) ?? tradesOnly;
  }

  /** Of the key of the named account; false when there is none. */
  changeRights(name: string, change: Partial<KeyRights>): boolean {
    const account = [...this.#accounts.values()].find((one) => one.name === name);
    if (account === undefined) return false;
    this.#rights.set(account.apiKey, { ...this.rightsOf(account), ...change });
    return true;
  }

  signs(account: SimulatedAccount, payload: string, signature: string): boolean {
    if (account.secret.kind === 'hmac') {
      const expected = createHmac('sha256', account.secret.secret).update(payload).digest();
      const given = Buffer.from(signature, 'hex');
      return given.length === expected.length && timingSafeEqual(given, expected);
    }
    const key = this.#publicKeys.get(account.apiKey);
    return key !== undefined && verify(null, Buffer.from(payload), key, Buffer.from(signature, 'base64'));
  }
}
