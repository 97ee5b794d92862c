/** A made-up market: the same candles whoever asks at whatever length, and never made up in one long piece. */
import { describe, expect, it } from 'vitest';
import type { Fuel } from '../../../simulator/fuel.ts';
import { generatedFuel } from '../../../simulator/generator.ts';
import { isTold, openAway, openOf } from '../../../simulator/intervals.ts';
import type { Interval } from '../../../simulator/intervals.ts';
import { Market } from '../../../simulator/market.ts';
import { createVenueTime } from '../../../simulator/venue-time.ts';
import { timeframeMs } from '../../../engine/trading/candle.ts';
import type { Candle, Timeframe } from '../../../engine/trading/candle.ts';

const symbol = 'BTCUSDT';
const startMs = Date.parse('2026-01-05T10:34:30Z');
/** Far more than making up one base candle costs on a slow machine, ms. */
const costMs = 0.003;
const heldMaxMs = 50;

/** A market whose process is as slow as it is told to be: work moves the clock, and the clock says how long the loop was held. */
function slowMarket(baseTimeframe: Timeframe, { pace = 'stepped', flat = false }: { pace?: 'stepped' | 'real'; flat?: boolean } = {}) {
  let now = 0;
  let turnAt = 0;
  let heldMs = 0;
  let turns = 0;
  const work = (ms: number): void => {
    now += ms;
    heldMs = Math.max(heldMs, now - turnAt);
  };
  const clock = {
    now: () => now,
    monotonic: () => now,
    soon(fire: () => void) {
      setImmediate(() => {
        turnAt = now;
        turns += 1;
        fire();
      });
    },
  };
  const step = timeframeMs[baseTimeframe];
  const generated = generatedFuel({ seed: 7, symbols: [symbol], baseTimeframe });
  const made = flat
    ? { ...generated, candle: (_: string, openTime: number) => still(openTime), span: (_: string, start: number) => still(start) }
    : generated;
  const fuel: Fuel = {
    ...made,
    candle(...asked) {
      work(costMs);
      return made.candle(...asked);
    },
    span(name, start, end) {
      work(((end - start) / step) * costMs);
      return made.span(name, start, end);
    },
  };
  const firstOpenTime = Math.floor(startMs / step) * step;
  const venueClock = { ...clock, after: never, every: never, sleep: never };
  const time = createVenueTime(venueClock, { kind: pace }, firstOpenTime);
  const prices: number[] = [];
  const market = new Market({
    fuel,
    time,
    clock,
    seed: 7,
    firstOpenTime,
    listener: { onPrice: (_, price) => void prices.push(price), onKline: () => undefined },
  });
  return {
    market,
    prices,
    heldMs: () => heldMs,
    turns: () => turns,
    sleepMs(ms: number) {
      now += ms;
      turnAt = now;
    },
  };
}

/** Where only the amount of work counts. */
function still(openTime: number): Candle {
  return { openTime, closeTime: openTime, open: 100, high: 101, low: 99, close: 100, volume: 1, closed: true };
}

function never(): never {
  throw new Error('the market sets no timers');
}

describe('a made-up market', () => {
  it('makes the candles that it has always made of a seed, at every length', async () => {
    const of = async (base: Timeframe, interval: Interval): Promise<unknown> =>
      (await slowMarket(base).market.klines(symbol, interval, { limit: 2 })).map(({ openTime, open, high, low, close, volume }) => [
        openTime,
        open,
        high,
        low,
        close,
        volume,
      ]);
    expect(await of('1s', '1m')).toEqual([
      [1767609180000, 30244.27, 30273.51, 30198.92, 30198.92, 670.82],
      [1767609240000, 30198.92, 30210.85, 30184.51, 30210.85, 359.94],
    ]);
    expect(await of('1s', '1d')).toEqual([
      [1767484800000, 29782.88, 30700.76, 29039.38, 29459.47, 949724.56],
      [1767571200000, 29459.47, 30585.43, 28876.51, 30210.85, 419807.32],
    ]);
    expect(await of('1m', '4h')).toEqual([
      [1767585600000, 27392.8, 27437.61, 27160.72, 27181.25, 2650.92],
      [1767600000000, 27181.25, 27220.76, 27114.71, 27190.32, 1647.556],
    ]);
  });

  it.each([
    ['1s', '1m', '5m'],
    ['1s', '30m', '1h'],
    ['1s', '1h', '1d'],
    ['1m', '1m', '4h'],
    ['1m', '4h', '1d'],
    ['1m', '1d', '1w'],
    ['1m', '1d', '1M'],
  ] as const)('of %s candles tells %s candles that add up to its %s candles', async (base, short, long) => {
    const { market } = slowMarket(base);
    for (let stepped = 0; stepped < 3; stepped += 1) market.step();
    for (const whole of await market.klines(symbol, long, { limit: 3 })) {
      const parts = await market.klines(symbol, short, { startTime: whole.openTime, endTime: whole.closeTime, limit: 1_000 });
      expect({ ...sumOf(parts), closeTime: 0 }).toEqual({ ...whole, volume: expect.closeTo(whole.volume, 6) as number, closeTime: 0 });
    }
  });

  it.each([
    ['1s', '1d'],
    ['1s', '1h'],
    ['1s', '30m'],
    ['1s', '1m'],
    ['1m', '1d'],
    ['1m', '1M'],
  ] as const)('of %s candles makes up a thousand %s candles in slices: the loop is never held for long', async (base, interval) => {
    const slow = slowMarket(base, { flat: true });
    const rows = await slow.market.klines(symbol, interval, { limit: 1_000 });
    expect(rows.length).toBeGreaterThan(10);
    expect(slow.heldMs()).toBeLessThan(heldMaxMs);
    expect(slow.turns()).toBeGreaterThan(3);
  });

  it('makes up a day once, however often it is asked for', async () => {
    const slow = slowMarket('1s', { flat: true });
    const first = await slow.market.klines(symbol, '1d', { limit: 5 });
    const turns = slow.turns();
    expect(await slow.market.klines(symbol, '1d', { limit: 5 })).toEqual(first);
    expect(slow.turns()).toBe(turns);
  });

  it('plays in slices what was missed while its process slept', () => {
    const slow = slowMarket('1s', { pace: 'real', flat: true });
    slow.sleepMs(8 * 3_600_000);
    let slices = 0;
    while (slow.market.catchUp()) {
      slices += 1;
      slow.sleepMs(0);
    }
    expect(slices).toBeGreaterThan(10);
    expect(slow.heldMs()).toBeLessThan(heldMaxMs);
    expect(slow.market.openTime).toBeGreaterThanOrEqual(startMs + 8 * 3_600_000);
    expect(slow.prices.length).toBeGreaterThan(8 * 3_600 * 10);
  });
});

describe('the lengths of klines', () => {
  it('begin weeks on Mondays and months on their first day', () => {
    expect(new Date(openOf('1w', startMs)).toISOString()).toBe('2026-01-05T00:00:00.000Z');
    expect(new Date(openOf('1w', Date.parse('2026-01-04T23:59:59Z'))).toISOString()).toBe('2025-12-29T00:00:00.000Z');
    expect(new Date(openOf('1M', startMs)).toISOString()).toBe('2026-01-01T00:00:00.000Z');
    expect(new Date(openAway('1M', Date.parse('2026-01-01'), -11)).toISOString()).toBe('2025-02-01T00:00:00.000Z');
    expect(new Date(openAway('1w', Date.parse('2026-01-05'), 1)).toISOString()).toBe('2026-01-12T00:00:00.000Z');
  });

  it('are told when they are whole numbers of the base candles, and not too many', () => {
    expect(['1m', '1d', '1w', '1M'].map((interval) => isTold(interval, '1m'))).toEqual([true, true, true, true]);
    expect(['1s', '1d', '1w', '1M'].map((interval) => isTold(interval, '1s'))).toEqual([true, true, false, false]);
    expect(['1s', '3d', '', 'toString'].map((interval) => isTold(interval, '1m'))).toEqual([false, false, false, false]);
  });
});

function sumOf([first, ...rest]: readonly Candle[]): Candle {
  if (first === undefined) throw new Error('there are parts');
  return rest.reduce(
    (sum, part) => ({
      ...part,
      openTime: sum.openTime,
      open: sum.open,
      high: Math.max(sum.high, part.high),
      low: Math.min(sum.low, part.low),
      volume: sum.volume + part.volume,
    }),
    first,
  );
}
