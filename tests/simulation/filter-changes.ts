/**
 * The filters of symbols, which change while it storms and change back. Who holds something is judged by the coarsest of those that
 * were in force meanwhile: what they did not let sell or rest was dust, and what had been put up under them stays as it is.
 */
import { Decimal } from 'decimal.js';
import type { Instrument } from '../../engine/trading/instrument.ts';

const d = (value: string | number): Decimal => new Decimal(value);
const withLot = (of: Instrument, change: Partial<Instrument['lot']>): Instrument => ({ ...of, lot: { ...of.lot, ...change } });
const withTick = (of: Instrument, tick: Decimal): Instrument => ({ ...of, price: { ...of.price, min: tick, tick } });
const withLeastValue = (of: Instrument, min: Decimal): Instrument => ({
  ...of,
  notional: of.notional === null ? null : { ...of.notional, min },
});

/** By the whole part of a fault's value. */
const ways: readonly ((of: Instrument) => Instrument)[] = [
  (of) => withTick(of, of.price.tick.times(100)),
  (of) => withTick(of, d(1_000)),
  (of) => withLot(of, { step: of.lot.step.times(10), min: of.lot.step.times(10) }),
  // Nothing of most positions can be sold.
  (of) => withLot(of, { step: d(1), min: d(1) }),
  (of) => withLot(of, { min: d(5) }),
  // Between the worth of one bot's position and that of another.
  (of) => withLeastValue(of, d(4_000)),
  (of) => withLeastValue(of, d(20_000)),
  // Everything becomes finer, but for the prices: an amount has eight decimals.
  (of) => withLot(withLeastValue(of, d(1)), { step: of.lot.step.div(10), min: of.lot.step.div(10) }),
];

/** What the fraction of the value says: engines hear of the change from refused orders only. */
const unreadFrom = 0.7;

export function isReadAtOnce(way: number): boolean {
  return way % 1 < unreadFrom;
}

interface Span {
  readonly instrument: Instrument;
  /** Engines may still go by what is listed. */
  readonly unread: boolean;
  readonly fromMs: number;
  untilMs: number;
}

export class FilterChanges {
  readonly #listed: ReadonlyMap<string, Instrument>;
  readonly #now: () => number;
  /** Changes in force, the newest last. */
  readonly #changes = new Map<string, Instrument[]>();
  readonly #spans = new Map<string, Span[]>();

  constructor(listed: readonly Instrument[], now: () => number) {
    this.#listed = new Map(listed.map((instrument) => [instrument.symbol, instrument]));
    this.#now = now;
  }

  /** Of all symbols, as they are now. */
  get now(): readonly Instrument[] {
    return [...this.#listed.keys()].map((symbol) => this.of(symbol));
  }

  of(symbol: string): Instrument {
    return this.#changes.get(symbol)?.at(-1) ?? this.#listedAs(symbol);
  }

  /** Answers what they are from now on, to be ended with. */
  begin(symbol: string, way: number): Instrument {
    const instrument = ways[Math.floor(way)]?.(this.#listedAs(symbol)) ?? this.#listedAs(symbol);
    this.#changes.set(symbol, [...(this.#changes.get(symbol) ?? []), instrument]);
    this.#turn(symbol, !isReadAtOnce(way));
    return instrument;
  }

  end(symbol: string, change: Instrument): void {
    this.#changes.set(
      symbol,
      (this.#changes.get(symbol) ?? []).filter((one) => one !== change),
    );
    this.#turn(symbol, false);
  }

  /**
   * The largest tick, step, smallest lot and least value that were in force, or that an engine that had not read of a change went by, at
   * any time between the two, venue time.
   */
  coarsest(symbol: string, fromMs: number, untilMs = this.#now()): Instrument {
    const listed = this.#listedAs(symbol);
    let coarsest = untilMs < this.#now() ? listed : this.of(symbol);
    for (const { instrument, unread, ...span } of this.#spans.get(symbol) ?? []) {
      if (span.fromMs > untilMs || span.untilMs < fromMs) continue;
      coarsest = coarserOf(coarsest, unread ? coarserOf(instrument, listed) : instrument);
    }
    return coarsest;
  }

  /** As if they never changed. */
  finest(symbol: string): Instrument {
    return this.#listedAs(symbol);
  }

  /** They are not as they are listed. */
  changed(symbol: string): boolean {
    return this.of(symbol) !== this.finest(symbol);
  }

  /** When they changed last, venue time. */
  changedAtMs(symbol: string): number {
    return this.#spans.get(symbol)?.at(-1)?.fromMs ?? Number.NEGATIVE_INFINITY;
  }

  #turn(symbol: string, unread: boolean): void {
    const now = this.#now();
    const always = { fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY };
    const before = { instrument: this.#listedAs(symbol), unread: false, ...always };
    const spans: Span[] = this.#spans.get(symbol) ?? [before];
    const last = spans.at(-1);
    if (last !== undefined) last.untilMs = now;
    spans.push({ instrument: this.of(symbol), unread, fromMs: now, untilMs: Number.POSITIVE_INFINITY });
    this.#spans.set(symbol, spans);
  }

  #listedAs(symbol: string): Instrument {
    const instrument = this.#listed.get(symbol);
    if (instrument === undefined) throw new RangeError(`${symbol} is not listed`);
    return instrument;
  }
}

function coarserOf(a: Instrument, b: Instrument): Instrument {
  const lot = { ...a.lot, step: Decimal.max(a.lot.step, b.lot.step), min: Decimal.max(a.lot.min, b.lot.min) };
  const notional =
    a.notional === null || b.notional === null ? a.notional : { ...a.notional, min: Decimal.max(a.notional.min, b.notional.min) };
  return { ...a, lot, notional, price: { ...a.price, tick: Decimal.max(a.price.tick, b.price.tick) } };
}

/** Filters by which quantities and prices are judged; null is what an engine says that does not know the symbol. */
export function sameFilters(a: Instrument | null, b: Instrument): boolean {
  if (a === null || a.notional === null || b.notional === null) return false;
  return a.lot.step.eq(b.lot.step) && a.lot.min.eq(b.lot.min) && a.price.tick.eq(b.price.tick) && a.notional.min.eq(b.notional.min);
}
