/**
 * The venue's instruments: read from the exchange, shared through the symbol cache, kept current while bots run. The cache serves to show
 * symbols and to check new bots; for bots that run only what the exchange has told this process counts.
 */
import { Decimal } from 'decimal.js';
import type { SymbolCache, SymbolCacheStats } from '../coordination/coordination.ts';
import type { MarketData } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { Shared } from '../time/waiting.ts';
import type { Instrument } from '../trading/instrument.ts';
import { cachedShape, readCachedInstruments, writeCachedInstruments } from './cached-instruments.ts';
import { delistedInstrument } from './delisted.ts';

export interface SymbolDirectoryOptions {
  readonly venue: string;
  readonly marketData: MarketData;
  readonly cache: SymbolCache;
  readonly clock: Clock;
  readonly log: Log;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** The venue lists no such symbol, nor any with such a quote asset. */
export class UnknownSymbol extends Error {
  constructor(venue: string, symbol: string) {
    super(`${venue} does not list ${symbol}`);
    this.name = 'UnknownSymbol';
  }
}

/** Filters change while bots run: docs/order-safety.md promises a refresh within five minutes. */
const ttlMs = 300_000;
/** With the jitter below five minutes: replicas do not ask at the same moment. */
const refreshEveryMs = 230_000;
const refreshJitterMs = 40_000;
/** While a symbol of a bot is halted: its bots wait for it to trade again. */
const refreshHaltedMs = 30_000;
/** While bots wait for the exchange's own word. */
const confirmEveryMs = 2_000;
/** A symbol whose orders are refused again and again is read no more often than this. */
const recheckEveryMs = 10_000;
/** Older copies are not traded on. */
const usableForMs = 24 * 3_600_000;

export class SymbolDirectory {
  readonly #options: SymbolDirectoryOptions;
  readonly #key: string;
  #instruments = new Map<string, Instrument>();
  readonly #refreshing = new Shared(() => this.#refreshOnce());
  #timer: Timer | null = null;
  #confirmed = false;
  #toBeConfirmed = false;
  /** Symbols of bots. */
  readonly #used = new Set<string>();
  /** Monotonic time of the last reading that a refusal led to, by symbol. */
  readonly #recheckedAt = new Map<string, number>();
  #stopped = false;

  constructor(options: SymbolDirectoryOptions) {
    this.#options = options;
    this.#key = `${options.venue}:spot:${cachedShape}`;
  }

  /** Loads the list (from the cache when it is fresh: see `confirmed`) and keeps it current. */
  async start(): Promise<void> {
    await this.#loadCached();
    this.#refreshLater();
  }

  /** True once the list is what the exchange told this process itself. */
  get confirmed(): boolean {
    return this.#confirmed;
  }

  /** Bots are to be taken: asks the exchange unless it has told the list, and again every few seconds until it has. Never throws. */
  async confirm(): Promise<void> {
    this.#toBeConfirmed = true;
    if (this.#confirmed) return;
    await this.refresh().catch((error: unknown) =>
      this.#options.log.warn({ err: error }, 'the exchange does not tell its symbols; bots are not taken before it does'),
    );
    this.#refreshLater();
  }

  /** How often the shared list was found fresh, by whoever shares it, and when it was last read from the exchange. */
  cacheStats(): Promise<SymbolCacheStats> {
    return this.#options.cache.stats(this.#key);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /**
   * Answers how to read the instrument from now on, refreshes included: as the exchange tells it, never as the cache does. A
   * symbol that the venue does not list has status DELISTED: its bots pause. Throws `UnknownSymbol` when its name tells no quote
   * asset, and what the reading throws.
   */
  async load(symbol: string): Promise<() => Instrument> {
    if (!this.#confirmed || !this.#instruments.has(symbol)) await this.refresh();
    if (!this.#instruments.has(symbol)) {
      const delisted = delistedInstrument(symbol, this.#instruments.values());
      if (delisted === null) throw new UnknownSymbol(this.#options.venue, symbol);
      this.#instruments.set(symbol, delisted);
    }
    this.#used.add(symbol);
    this.#refreshLater();
    return () => this.#instruments.get(symbol) ?? raise(new UnknownSymbol(this.#options.venue, symbol));
  }

  find(symbol: string): Instrument | null {
    return this.#instruments.get(symbol) ?? null;
  }

  list(): readonly Instrument[] {
    return [...this.#instruments.values()];
  }

  /** The exchange refused an order because of the symbol: reads it again, unless that was just done. Never throws. */
  async recheck(symbol: string): Promise<void> {
    const { clock, log } = this.#options;
    // The next regular reading shows whether it is listed again.
    if (this.#instruments.get(symbol)?.status === 'DELISTED') return;
    const now = clock.monotonic();
    if (now - (this.#recheckedAt.get(symbol) ?? Number.NEGATIVE_INFINITY) >= recheckEveryMs) {
      this.#recheckedAt.set(symbol, now);
      await this.refresh().catch((error: unknown) =>
        log.warn({ err: error, symbol }, 'the exchange refused something of a symbol, and its filters could not be read anew'),
      );
      this.#refreshLater();
    } else await this.#refreshing.underWay?.catch(() => undefined);
  }

  /** The next reading: soon while a symbol of a bot is halted. A symbol that is not listed is not worth the haste. */
  #refreshLater(): void {
    const { clock, log, random } = this.#options;
    if (this.#stopped) return;
    this.#timer?.cancel();
    const halted = [...this.#used].some((symbol) => !['TRADING', 'DELISTED'].includes(this.#instruments.get(symbol)?.status ?? 'DELISTED'));
    const delayMs =
      this.#toBeConfirmed && !this.#confirmed
        ? confirmEveryMs
        : (halted ? refreshHaltedMs : refreshEveryMs) + random() * (halted ? refreshHaltedMs / 10 : refreshJitterMs);
    this.#timer = clock.after(delayMs, () => {
      void this.refresh()
        .catch((error: unknown) => log.warn({ err: error }, 'the list of symbols could not be refreshed; the last one serves'))
        .finally(() => this.#refreshLater());
    });
  }

  /** Reads the venue; calls during a reading share it. A symbol that vanished keeps its last filters, with status DELISTED. */
  refresh(): Promise<void> {
    return this.#refreshing.ask();
  }

  async #refreshOnce(): Promise<void> {
    const { marketData, cache } = this.#options;
    const listed = await marketData.instruments(null);
    if (!this.#confirmed) this.#forgetUnconfirmed(listed);
    this.#confirmed = true;
    this.#take(listed);
    await cache.put(this.#key, writeCachedInstruments(listed), ttlMs);
  }

  async #loadCached(): Promise<void> {
    const { cache, clock, log } = this.#options;
    const cached = await cache.get(this.#key);
    const instruments = cached === null ? null : readCachedInstruments(cached.value);
    if (cached !== null && instruments === null)
      log.warn({ key: this.#key }, 'the cached list of symbols is not what it must be; it is read from the exchange');
    if (cached?.fresh === true && instruments !== null) {
      this.#take(instruments);
      return;
    }
    try {
      await this.refresh();
    } catch (error) {
      if (instruments === null || cached === null || clock.now() - cached.refreshedAtMs > usableForMs) throw error;
      log.warn(
        { err: error, refreshedAt: new Date(cached.refreshedAtMs).toISOString() },
        'the exchange does not tell its symbols; the last good list serves',
      );
      this.#take(instruments);
    }
  }

  /** The exchange has answered: the cache's list is dropped, and where it differed, that is logged. */
  #forgetUnconfirmed(listed: readonly Instrument[]): void {
    const told = new Map(listed.map((instrument) => [instrument.symbol, instrument]));
    const differing = [...this.#instruments.values()].filter((cached) => {
      const fresh = told.get(cached.symbol);
      return fresh === undefined || !sameInstrument(cached, fresh);
    });
    this.#instruments = new Map();
    if (differing.length === 0) return;
    this.#options.log.warn(
      { key: this.#key, symbols: differing.slice(0, 20).map(({ symbol }) => symbol), differing: differing.length },
      'the cached list of symbols is not what the exchange says; the exchange counts',
    );
  }

  #take(listed: readonly Instrument[]): void {
    const next = new Map(listed.map((instrument) => [instrument.symbol, instrument]));
    for (const [symbol, known] of this.#instruments) {
      const fresh = next.get(symbol);
      if (fresh === undefined) next.set(symbol, known.status === 'DELISTED' ? known : { ...known, status: 'DELISTED' });
      // An unchanged instrument stays the same object: what was computed from it stays valid.
      else if (sameInstrument(known, fresh)) next.set(symbol, known);
    }
    this.#instruments = next;
  }
}

function sameInstrument(a: Instrument, b: Instrument): boolean {
  const text = (instrument: Instrument): string =>
    JSON.stringify(instrument, (_, value: unknown) => (value instanceof Decimal ? value.toFixed() : value));
  return text(a) === text(b);
}

function raise(error: Error): never {
  throw error;
}
