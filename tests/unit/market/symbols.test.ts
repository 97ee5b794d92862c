import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { createMemoryCoordination, createMemoryStore } from '../../../engine/coordination/memory.ts';
import type { MarketData } from '../../../engine/exchanges/exchange.ts';
import { cachedShape, readCachedInstruments, writeCachedInstruments } from '../../../engine/market/cached-instruments.ts';
import { SymbolDirectory, UnknownSymbol } from '../../../engine/market/symbols.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import { instrumentOf } from '../../../simulator/instruments.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { d } from '../trading/given.ts';

let clock: FakeClock;
let store: ReturnType<typeof createMemoryStore>;
let listed: Instrument[];
let reads: number;
let failing: boolean;

beforeEach(() => {
  clock = new FakeClock();
  store = createMemoryStore(clock);
  listed = [instrumentOf('BTCUSDT'), instrumentOf('ETHUSDT')];
  reads = 0;
  failing = false;
});

function directory() {
  const cache = createMemoryCoordination({ clock, owner: 'a', store }).symbols;
  const marketData = {
    instruments: () => {
      reads += 1;
      return failing ? Promise.reject(new Error('the exchange is down')) : Promise.resolve(listed);
    },
  } as unknown as MarketData;
  return {
    cache,
    symbols: new SymbolDirectory({ venue: 'v', marketData, cache, clock, log: pino({ level: 'silent' }), random: () => 0.5 }),
  };
}

describe('the directory of symbols', () => {
  it('is read once and shared through the cache while it is fresh', async () => {
    await directory().symbols.start();
    const { symbols } = directory();
    await symbols.start();
    expect(reads).toBe(1);
    expect(symbols.find('BTCUSDT')?.price.tick.toFixed()).toBe('0.01');
  });

  it('serves the last good list while the exchange does not answer', async () => {
    await directory().symbols.start();
    await clock.advance(3_600_000);
    failing = true;
    const { symbols } = directory();
    await symbols.start();
    expect(symbols.list()).toHaveLength(2);
    await clock.advance(25 * 3_600_000);
    await expect(directory().symbols.start()).rejects.toThrow('the exchange is down');
  });

  it('is read once more for a symbol that it lacks, however many ask for it at the same moment', async () => {
    const { symbols } = directory();
    await symbols.start();
    const answers = await Promise.all(Array.from({ length: 50 }, () => symbols.load('GONEUSDT')));
    expect(answers.map((read) => read())).toContainEqual(
      expect.objectContaining({ status: 'DELISTED', baseAsset: 'GONE', quoteAsset: 'USDT' }) as unknown,
    );
    expect(reads).toBe(2);
    listed = [...listed, instrumentOf('GONEUSDT')];
    await clock.advance(300_000);
    expect(answers[0]?.().status).toBe('TRADING');
    symbols.stop();
  });

  it('is read anew within five minutes, and sooner while a symbol of a bot is halted', async () => {
    const { symbols } = directory();
    await symbols.start();
    listed = [{ ...instrumentOf('BTCUSDT'), status: 'HALT' }, instrumentOf('ETHUSDT')];
    await clock.advance(300_000);
    expect(reads).toBe(2);
    await symbols.load('ETHUSDT');
    await clock.advance(100_000);
    expect(reads).toBe(2);
    await symbols.load('BTCUSDT');
    listed = [instrumentOf('BTCUSDT'), instrumentOf('ETHUSDT')];
    await clock.advance(34_000);
    expect([reads, symbols.find('BTCUSDT')?.status]).toEqual([3, 'TRADING']);
    await clock.advance(100_000);
    expect(reads).toBe(3);
    symbols.stop();
  });

  it('is read at once when an order was refused for the sake of its symbol, once per symbol and moment', async () => {
    const { symbols } = directory();
    await symbols.start();
    const read = await symbols.load('BTCUSDT');
    listed = [{ ...instrumentOf('BTCUSDT'), lot: { ...instrumentOf('BTCUSDT').lot, step: d('0.001') } }, instrumentOf('ETHUSDT')];
    await Promise.all(Array.from({ length: 50 }, () => symbols.recheck('BTCUSDT')));
    expect([reads, read().lot.step.toFixed()]).toEqual([2, '0.001']);
    await symbols.recheck('BTCUSDT');
    expect(reads).toBe(2);
    await clock.advance(10_000);
    failing = true;
    await symbols.recheck('BTCUSDT');
    expect([reads, read().lot.step.toFixed()]).toEqual([3, '0.001']);
    symbols.stop();
  });

  it('takes the filters of what a bot holds from the exchange, whatever well-formed values the cache has', async () => {
    const { cache, symbols } = directory();
    const btc = instrumentOf('BTCUSDT');
    const lying = [{ ...btc, lot: { ...btc.lot, step: d(1) }, price: { ...btc.price, tick: d(1_000) } }];
    await cache.put(`v:spot:${cachedShape}`, writeCachedInstruments(lying), 300_000);
    await symbols.start();
    expect([reads, symbols.confirmed]).toEqual([0, false]);
    const read = await symbols.load('BTCUSDT');
    expect([read().lot.step.toFixed(), read().price.tick.toFixed(), symbols.confirmed]).toEqual(['0.00001', '0.01', true]);
    // The lie is not heard later either: not for a symbol that the list lacks.
    await cache.put(`v:spot:${cachedShape}`, writeCachedInstruments(lying), 300_000);
    await symbols.load('GONEUSDT');
    expect(read().lot.step.toFixed()).toBe('0.00001');
    symbols.stop();
  });

  it('tells no filters of what a bot holds until the exchange has told them, and asks until it does', async () => {
    const { cache, symbols } = directory();
    await cache.put(`v:spot:${cachedShape}`, writeCachedInstruments([...listed, instrumentOf('LIEUSDT')]), 300_000);
    failing = true;
    await symbols.start();
    await symbols.confirm();
    expect([symbols.list().length, symbols.confirmed]).toEqual([3, false]);
    await expect(symbols.load('BTCUSDT')).rejects.toThrow('the exchange is down');
    failing = false;
    await clock.advance(2_000);
    expect([symbols.confirmed, symbols.find('LIEUSDT')]).toEqual([true, null]);
    await symbols.load('BTCUSDT');
    symbols.stop();
  });

  it('does not believe a poisoned cache', async () => {
    const { cache, symbols } = directory();
    for (const poison of [
      'garbage',
      [],
      [{ symbol: 'BTCUSDT' }],
      [{ ...(writeCachedInstruments(listed) as object[])[0], price: { min: '0', max: '1', tick: 'huge' } }],
      [{ ...(writeCachedInstruments(listed) as object[])[0], price: { min: '0', max: '1', tick: null } }],
      [{ ...(writeCachedInstruments(listed) as object[])[0], lot: { min: '0', max: '1', step: '-1' } }],
    ]) {
      await cache.put(`v:spot:${cachedShape}`, poison, 300_000);
      reads = 0;
      await symbols.start();
      expect([reads, symbols.find('BTCUSDT')?.price.tick.toFixed()]).toEqual([1, '0.01']);
      symbols.stop();
    }
  });

  it('hands out changed filters to bots that run, and the same object while nothing changed', async () => {
    const { symbols } = directory();
    await symbols.start();
    const read = await symbols.load('BTCUSDT');
    const before = read();
    await symbols.refresh();
    expect(read()).toBe(before);
    listed = [{ ...instrumentOf('BTCUSDT'), lot: { ...instrumentOf('BTCUSDT').lot, step: d('0.001') } }];
    await clock.advance(260_000);
    expect(read().lot.step.toFixed()).toBe('0.001');
    expect(symbols.find('ETHUSDT')?.status).toBe('DELISTED');
    symbols.stop();
  });

  it('says which symbol it does not know', async () => {
    const { symbols } = directory();
    await symbols.start();
    await expect(symbols.load('NOPE')).rejects.toThrow(UnknownSymbol);
    await expect(symbols.load('NOPE')).rejects.toThrow(/NOPE/);
  });

  it.each([
    { notional: { applyMinToMarket: 'no' } },
    { notional: { applyMaxToMarket: undefined } },
    { ocoAllowed: 'false' },
    { cancelReplaceAllowed: 0 },
    { orderTypes: ['MARKET', 7] },
  ])('does not come back from a cache that says %j', (wrong) => {
    const [entry] = JSON.parse(JSON.stringify(writeCachedInstruments([instrumentOf('BTCUSDT')]))) as [Record<string, object>];
    expect(readCachedInstruments([entry])).toHaveLength(1);
    const notional = 'notional' in wrong ? { notional: { ...entry['notional'], ...wrong.notional } } : {};
    expect(readCachedInstruments([{ ...entry, ...wrong, ...notional }])).toBeNull();
  });

  it('comes back from the cache as it was', () => {
    const instruments = [{ ...instrumentOf('BTCUSDT'), maxPosition: d(5), marketLot: null, notional: null }];
    expect(JSON.stringify(readCachedInstruments(JSON.parse(JSON.stringify(writeCachedInstruments(instruments)))))).toBe(
      JSON.stringify(instruments),
    );
  });
});
