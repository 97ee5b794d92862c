/** What an endpoint is: its place, weight, who may call it, and what it answers. */
import type { SimulatedAccount } from './accounts.ts';
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
  readonly weight: number;
  readonly signed: boolean;
  /** Places orders: counted against the order limits, and subject to order faults. */
  readonly orders?: number;
  answer(call: Call): Answer;
}

export interface Answer {
  readonly status?: number;
  readonly body: unknown;
}

export function signer({ account }: Call): string {
  if (account === null) throw new Error('a signed endpoint has a signer');
  return account.name;
}
