/**
 * Whether the account still has what its bots hold together. Less than that means that somebody else sold or moved it: the
 * bots would sell what is not there, or what is not theirs. When the account has more, the rest belongs to somebody else.
 */
import { Decimal } from 'decimal.js';
import type { TradingAccount } from '../exchanges/exchange.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { ReconcileStore } from '../persistence/reconcile-store.ts';
import type { Clock } from '../time/clock.ts';
import type { Instrument } from '../trading/instrument.ts';

export interface Drift {
  readonly asset: string;
  /** What the fills of the bots add up to. */
  readonly held: Decimal;
  /** What the account has, free and locked. */
  readonly balance: Decimal;
  readonly reason: string;
}

export interface DriftOptions {
  readonly account: TradingAccount;
  readonly venue: string;
  readonly rows: ReconcileStore;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Null for a symbol that the exchange does not list. */
  instrument(symbol: string): Instrument | null;
}

/** Fills reach the rows a moment after the balances: a difference counts when it is still there after this. */
const confirmAfterMs = 2_000;

interface Measured {
  readonly held: Decimal;
  /** The most that is dust: below the smallest lot. */
  readonly dust: Decimal;
  readonly inFlight: boolean;
  readonly balance: Decimal;
}

export class DriftWatch {
  readonly #options: DriftOptions;
  #standing: ReadonlyMap<string, Drift> = new Map();

  constructor(options: DriftOptions) {
    this.#options = options;
  }

  /** As last found, by base asset. */
  get standing(): ReadonlyMap<string, Drift> {
    return this.#standing;
  }

  /** Compares now. Throws what the reads throw; the last finding stands then. */
  async check(): Promise<ReadonlyMap<string, Drift>> {
    const { clock, metrics } = this.#options;
    let measured = await this.#measure();
    let short = shortOf(measured);
    if (short.some((asset) => !this.#standing.has(asset))) {
      await clock.sleep(confirmAfterMs);
      const again = await this.#measure();
      short = shortOf(again).filter((asset) => short.includes(asset) && sameHeld(measured.get(asset), again.get(asset)));
      measured = again;
    }
    const found = new Map<string, Drift>();
    for (const [asset, { held, balance, inFlight }] of measured) {
      metrics.reconcilePosition.set({ asset, of: 'bots' }, held.toNumber());
      metrics.reconcilePosition.set({ asset, of: 'account' }, balance.toNumber());
      const standing = this.#standing.get(asset);
      // An order in flight makes rows and balance differ for a moment: the last finding is kept.
      if (inFlight && standing !== undefined) found.set(asset, standing);
      else if (short.includes(asset)) found.set(asset, { asset, held, balance, reason: reasonOf(asset, held, balance) });
      if (found.has(asset) && standing === undefined) metrics.reconcileDrift.inc({ kind: 'position' });
    }
    this.#standing = found;
    return found;
  }

  /** By base asset. Rows first, then the account: what is sold meanwhile shows as a difference and is confirmed away. */
  async #measure(): Promise<ReadonlyMap<string, Measured>> {
    const { account, rows, venue } = this.#options;
    const sums = new Map<string, Omit<Measured, 'balance'>>();
    for (const { symbol, quantity, inFlight } of await rows.holdings(venue)) {
      const instrument = this.#options.instrument(symbol);
      if (instrument === null) continue;
      const sum = sums.get(instrument.baseAsset);
      sums.set(instrument.baseAsset, {
        held: quantity.plus(sum?.held ?? 0),
        dust: Decimal.max(sum?.dust ?? 0, instrument.lot.min),
        inFlight: inFlight || sum?.inFlight === true,
      });
    }
    if (sums.size === 0) return new Map();
    const balances = new Map((await account.balances()).map(({ asset, free, locked }) => [asset, free.plus(locked)]));
    return new Map([...sums].map(([asset, sum]) => [asset, { ...sum, balance: balances.get(asset) ?? new Decimal(0) }]));
  }
}

function shortOf(measured: ReadonlyMap<string, Measured>): readonly string[] {
  return [...measured]
    .filter(([, { held, dust, balance, inFlight }]) => !inFlight && held.minus(balance).gte(dust))
    .map(([asset]) => asset);
}

function sameHeld(before: Measured | undefined, after: Measured | undefined): boolean {
  return before !== undefined && after !== undefined && before.held.eq(after.held);
}

function reasonOf(asset: string, held: Decimal, balance: Decimal): string {
  return `the bots of this account hold ${held.toFixed()} ${asset} together, but the account has ${balance.toFixed()} ${asset}: somebody else sold or moved ${held.minus(balance).toFixed()}`;
}
