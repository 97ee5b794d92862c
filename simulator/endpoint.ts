/** What an endpoint is: its place, weight, who may call it, and what it answers. */
import type { SimulatedAccount } from './accounts.ts';
import type { Action } from './faults.ts';
import type { Parameters } from './parameters.ts';
import type { Venue } from './venue.ts';

export interface Call {
  readonly venue: Venue;
  readonly parameters: Parameters;
  /** The signer; null on public endpoints. */
  readonly account: SimulatedAccount | null;
}

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  /** Depends on what is asked for on some; 0 on actions, which cost 1 only when they fail. */
  readonly weight: number | ((parameters: Parameters) => number);
  readonly signed: boolean;
  /** Changes the books: subject to order faults. */
  readonly action?: Action;
  /** New orders that it places, counted against the order limits. */
  readonly orders?: number;
  /** A promise only where nothing is changed: what changes the books is done in one turn. */
  answer(call: Call): unknown;
}

export function signer({ account }: Call): string {
  if (account === null) throw new Error('a signed endpoint has a signer');
  return account.name;
}
