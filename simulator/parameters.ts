/** Reads a request's parameters as Binance does: each must be known and well formed, and what nobody read is an error. */
import { Decimal } from 'decimal.js';
import { VenueRefusal } from './refusal.ts';

const bad = (name: string): VenueRefusal =>
  new VenueRefusal(400, -1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);
const illegal = (name: string, range: string): VenueRefusal =>
  new VenueRefusal(400, -1100, `Illegal characters found in parameter '${name}'; legal range is '${range}'.`);

/** Symbols are written large. */
export function checkedSymbol(value: string): string {
  if (/^[\p{L}\p{N}_.-]{1,50}$/u.test(value) && !/[a-z]/.test(value)) return value;
  throw new VenueRefusal(400, -1100, "Illegal characters found in parameter 'symbol'; legal range is '^[\\w\\-._&&[^a-z]]{1,50}$'.");
}

export class Parameters {
  readonly #values: ReadonlyMap<string, string>;
  readonly #read = new Set<string>();

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** Whether it was sent; does not count as read. */
  has(name: string): boolean {
    return (this.#values.get(name) ?? '') !== '';
  }

  text(name: string): string | undefined {
    this.#read.add(name);
    const value = this.#values.get(name);
    return value === undefined || value === '' ? undefined : value;
  }

  required(name: string): string {
    return this.text(name) ?? raise(bad(name));
  }

  symbol(): string {
    return checkedSymbol(this.required('symbol'));
  }

  clientId(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !/^[a-zA-Z0-9_.:/-]{1,36}$/.test(value)) throw illegal(name, '^[\\.A-Z\\:/a-z0-9_-]{1,36}$');
    return value;
  }

  integer(name: string, bounds: { min?: number; max?: number } = {}): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!/^-?\d+$/.test(value) || !Number.isSafeInteger(number)) throw illegal(name, '^[0-9]{1,20}$');
    if (number < (bounds.min ?? -Infinity)) throw new VenueRefusal(400, -1130, `Data sent for parameter '${name}' is not valid.`);
    return bounds.max === undefined ? number : Math.min(number, bounds.max);
  }

  bigint(name: string): bigint | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,19}$/.test(value)) throw illegal(name, '^[0-9]{1,20}$');
    return BigInt(value);
  }

  decimal(name: string): Decimal | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!/^([0-9]{1,20})(\.[0-9]{1,20})?$/.test(value)) throw illegal(name, '^([0-9]{1,20})(\\.[0-9]{1,20})?$');
    return new Decimal(value);
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], code: number, what: string): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    return allowed.find((one) => one === value) ?? raise(new VenueRefusal(400, code, `Invalid ${what}.`));
  }

  /** -1104 when something was sent that this endpoint does not know. */
  refuseUnread(): void {
    const unread = [...this.#values.keys()].filter((name) => !this.#read.has(name));
    if (unread.length > 0)
      throw new VenueRefusal(
        400,
        -1104,
        `Not all sent parameters were read; read '${this.#values.size - unread.length}' parameter(s) but was sent '${this.#values.size}'.`,
      );
  }
}

function raise(error: Error): never {
  throw error;
}
