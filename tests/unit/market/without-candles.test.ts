/** Streams and histories that are no candles, or none yet: prices reach the bots all the same, and whoever waits hears why. */
import { describe, expect, it } from 'vitest';
import { parseStreamFrame } from '../../../engine/exchanges/binance/streams.ts';
import { ScriptedVenue, listen, request, subscribe } from './scripted-venue.ts';

describe('candles off the grid', () => {
  /** As in February 2018: each candle opens 28 seconds late, on the stream and at REST. */
  async function shift(venue: ScriptedVenue, candles: number, told: (index: number) => void = () => undefined): Promise<void> {
    for (let n = 0; n < candles; n += 1) {
      venue.shifted.add(venue.forming);
      for (let frame = 0; frame < 6; frame += 1) {
        venue.tell(venue.forming, false);
        await venue.clock.advance(10_000);
      }
      told(venue.forming);
      await venue.pass();
    }
  }

  it('make the series stale with the reason, and tell their prices', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard);
    const first = venue.forming;
    const prices: number[] = [];
    await shift(venue, 120, (index) => prices.push(venue.price(index)));
    expect(heard.closes).toEqual([]);
    expect(subscription.health).toBe('stale');
    const from = new Date(venue.candle(first).openTime + 28_225).toISOString();
    expect(subscription.reason).toMatch(`what the exchange tells is no candle (kline off the grid on btcusdt@kline_1m: from ${from} to `);
    expect(heard.health).toEqual(['live', 'stale']);
    expect(heard.prices.filter((price) => prices.includes(price)).length).toBeGreaterThanOrEqual(120);
    // The socket speaks: cutting it would only deafen its neighbours.
    expect(venue.sockets[0]?.sent.filter(({ method }) => method === 'SUBSCRIBE')).toHaveLength(1);
  });

  it('are over when the first one on the grid comes: the series goes on behind the hole', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard, { warmUpCandles: 20 });
    await shift(venue, 30);
    const next = await venue.pass();
    await venue.clock.advance(200_000);
    expect(heard.closes).toEqual([next]);
    expect(subscription.health).toBe('gapped');
    for (let n = 1; n < 20; n += 1) await venue.pass();
    expect(subscription.health).toBe('live');
  });

  it('that are the newest history: the series goes on as soon as one behind them has closed', async () => {
    const venue = new ScriptedVenue();
    venue.shifted.add(venue.forming - 1).add(venue.forming - 2);
    const heard = listen(venue);
    await subscribe(venue, heard, { warmUpCandles: 20 });
    // REST has nothing newer that can be used, however often it is asked.
    for (let told = 0; told < 11; told += 1) {
      venue.tell(venue.forming, false);
      await venue.clock.advance(5_000);
    }
    const next = await venue.pass();
    await venue.clock.advance(4_000);
    expect(heard.closes).toEqual([next]);
  });

  it('on the stream only: the closes are read by REST', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard);
    const index = venue.forming;
    venue.shifted.add(index);
    venue.tell(index, false);
    await venue.pass();
    venue.shifted.clear();
    await venue.clock.advance(10_000);
    venue.shifted.add(venue.forming);
    venue.tell(venue.forming, false);
    venue.shifted.clear();
    await venue.clock.advance(20_000);
    expect(heard.closes).toEqual([index]);
    expect(subscription.health).toBe('stale');
    venue.tell(venue.forming, false);
    expect(subscription.health).toBe('live');
  });

  it('that stop coming are silence: the socket is dialled anew', async () => {
    const venue = new ScriptedVenue();
    await subscribe(venue, listen(venue));
    venue.shifted.add(venue.forming);
    venue.tell(venue.forming, false);
    venue.shifted.clear();
    await venue.clock.advance(30_000);
    await venue.pass(false);
    await venue.clock.advance(60_000);
    expect(venue.sockets[0]?.sent.filter(({ method }) => method === 'SUBSCRIBE')).toHaveLength(2);
  });

  it('whose numbers cannot be true tell no price; REST does', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard);
    venue.tell(venue.forming, false, 'BTCUSDT', { low: 1e9 });
    expect([subscription.health, heard.prices]).toEqual(['stale', []]);
    await venue.clock.advance(10_000);
    expect(heard.prices.slice(0, 3)).toEqual([123, 123, 123]);
    expect(heard.updates.every((index) => index === venue.forming)).toBe(true);
  });

  it('at REST alone, while the stream is silent, make the series stale with the reason', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard);
    venue.shifted.add(venue.forming);
    await venue.clock.advance(25_000);
    expect(subscription.reason).toBe('what the exchange tells is no candle (REST tells a candle of BTCUSDT 1m that cannot be used)');
    expect(heard.prices[0]).toBe(123);
    venue.shifted.clear();
    await venue.clock.advance(60_000);
    expect(subscription.health).toBe('live');
  });

  it.each([
    [{ t: 1_700_000_028_225, T: 1_700_000_088_224 }, 102],
    [{ t: 1_699_999_980_000, T: 1_700_000_039_999, l: '0' }, null],
    [{ t: 1_699_999_980_000, T: 1_700_000_039_999, c: '' }, null],
    [{ t: '1', T: {} }, 102],
    [{ t: null, T: 1e300, o: 'x' }, null],
  ])('are told apart from numbers that cannot be true: %j', (change, price) => {
    const k = { s: 'BTCUSDT', i: '1m', o: '101', h: '103', l: '100', c: '102', v: '5', x: false, ...change };
    const text = JSON.stringify({ stream: 'btcusdt@kline_1m', data: { e: 'kline', E: 1_700_000_090_000, s: 'BTCUSDT', k } });
    expect(parseStreamFrame(text)).toMatchObject({ kind: 'malformed', stream: 'btcusdt@kline_1m', price });
  });
});

describe('a price by REST', () => {
  it('comes for all series whose stream is interrupted, by one question every few seconds, and ends with the interruption', async () => {
    const venue = new ScriptedVenue();
    const [btc, eth] = [listen(venue), listen(venue)];
    await subscribe(venue, btc);
    await subscribe(venue, eth, { symbol: 'ETHUSDT' });
    venue.sockets[0]?.break();
    await venue.clock.advance(9_500);
    expect(venue.priceReads).toEqual([
      ['BTCUSDT', 'ETHUSDT'],
      ['BTCUSDT', 'ETHUSDT'],
      ['BTCUSDT', 'ETHUSDT'],
    ]);
    expect([btc.prices, eth.prices]).toEqual([
      [123, 123, 123],
      [123, 123, 123],
    ]);
    venue.sockets[0]?.open();
    await venue.clock.advance(30_000);
    expect(venue.priceReads).toHaveLength(3);
  });

  it('is asked for again when REST did not answer', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    await subscribe(venue, heard);
    venue.sockets[0]?.break();
    venue.pricesFailing = true;
    await venue.clock.advance(10_000);
    expect(heard.prices).toEqual([]);
    venue.pricesFailing = false;
    await venue.clock.advance(4_000);
    expect(heard.prices).toEqual([123]);
  });
});

describe('a series without history', () => {
  it('of a symbol that was just listed waits for the first close, and says so', async () => {
    const venue = new ScriptedVenue({ history: 0 });
    const heard = listen(venue);
    const joining = venue.market.subscribe(request, heard.listener);
    await venue.clock.advance(600_000);
    expect(heard.health).toEqual(['warming']);
    expect(heard.reasons).toEqual(['BTCUSDT has no closed 1m candle yet: waiting for the first']);
    expect(heard.prices).toContain(123);
    // Who comes later hears it too.
    const late = listen(venue);
    void venue.market.subscribe(request, late.listener).catch(() => undefined);
    expect(late.reasons).toEqual(heard.reasons);
    await venue.pass();
    await venue.clock.advance(61_000);
    const subscription = await joining;
    expect([subscription.health, subscription.view()?.candle.openTime]).toEqual(['live', venue.candle(0).openTime]);
    expect(await venue.pass()).toBe(heard.closes[0]);
  });

  it('waits for REST however long it is down, and says so', async () => {
    const venue = new ScriptedVenue();
    venue.failing = true;
    const heard = listen(venue);
    const joining = venue.market.subscribe(request, heard.listener);
    await venue.clock.advance(600_000);
    expect(heard.reasons).toEqual(['the candles of BTCUSDT 1m cannot be read: REST is down']);
    expect(venue.reads.length).toBeLessThan(25);
    venue.failing = false;
    await venue.clock.advance(61_000);
    expect((await joining).health).toBe('live');
  });

  it('is left when the one who waits gives up', async () => {
    const venue = new ScriptedVenue();
    venue.failing = true;
    const leaving = new AbortController();
    const joining = venue.market.subscribe(request, listen(venue).listener, leaving.signal);
    await venue.clock.advance(1_000);
    leaving.abort(new Error('it was stopped'));
    await expect(joining).rejects.toThrow('it was stopped');
    await venue.clock.advance(0);
    expect(venue.sockets[0]?.subscribed.size).toBe(0);
    const reads = venue.reads.length;
    await venue.clock.advance(300_000);
    expect(venue.reads.length).toBeLessThanOrEqual(reads + 1);
  });

  it('is not opened for one who has given up already', async () => {
    const venue = new ScriptedVenue();
    await expect(venue.market.subscribe(request, listen(venue).listener, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });

  it('ends with the market', async () => {
    const venue = new ScriptedVenue();
    venue.failing = true;
    const joining = venue.market.subscribe(request, listen(venue).listener);
    await venue.clock.advance(100);
    const ended = expect(joining).rejects.toThrow('closed before its history was there');
    await venue.market.stop();
    await venue.clock.advance(60_000);
    await ended;
  });
});
