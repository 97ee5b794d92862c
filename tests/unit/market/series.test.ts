import fc from 'fast-check';
import type { Heard } from './scripted-venue.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { settle } from '../../support/fake-clock.ts';
import { ScriptedSocket, ScriptedVenue, listen, request, subscribe } from './scripted-venue.ts';

afterEach(() => {
  ScriptedSocket.mute = false;
});

/** Wilder's RSI and a simple-average-seeded EMA, as every textbook has them. */
function naive(closes: readonly number[]): { ema: number; rsi: number } {
  let ema = closes.slice(0, 5).reduce((sum, close) => sum + close, 0) / 5;
  for (const close of closes.slice(5)) ema += (close - ema) * (2 / 6);
  const moves = closes.slice(1).map((close, index) => close - (closes[index] ?? close));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  let gain = mean(moves.slice(0, 14).map((move) => Math.max(move, 0)));
  let loss = mean(moves.slice(0, 14).map((move) => Math.max(-move, 0)));
  for (const move of moves.slice(14)) {
    gain = (gain * 13 + Math.max(move, 0)) / 14;
    loss = (loss * 13 + Math.max(-move, 0)) / 14;
  }
  return { ema, rsi: 100 - 100 / (1 + gain / loss) };
}

describe('a series', () => {
  it('is warm when joined, with unrounded indicators that equal a naive calculation', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard);
    const view = subscription.view();
    const expected = naive(Array.from({ length: venue.forming }, (_, index) => venue.price(index)));
    expect(subscription.health).toBe('live');
    expect(view?.candle.openTime).toBe(venue.candle(venue.forming - 1).openTime);
    expect(view?.current[0]).toBeCloseTo(expected.ema, 9);
    expect(view?.current[1]).toBeCloseTo(expected.rsi, 9);
    expect(heard.closes).toEqual([]);
  });

  it('is opened with the weight of an exit for a bot that holds something, as history for others, as are repairs', async () => {
    const [held, flat] = [new ScriptedVenue(), new ScriptedVenue()];
    await subscribe(held, listen(held), { exposed: true });
    await subscribe(flat, listen(flat));
    await held.pass(false);
    await held.pass();
    await held.clock.advance(5_000);
    const forExits = (venue: ScriptedVenue, opening: boolean) =>
      new Set(venue.reads.filter(({ startTime }) => (startTime === undefined) === opening).map((read) => read.forExits));
    expect(forExits(held, true)).toEqual(new Set([true]));
    expect(forExits(flat, true)).toEqual(new Set([false]));
    expect(forExits(held, false)).toEqual(new Set([undefined]));
  });

  it('does not let a bot that holds something wait for the history of one that does not', async () => {
    const venue = new ScriptedVenue();
    let weight = (): void => undefined;
    venue.answeringHistory = new Promise((resolve) => (weight = resolve));
    const heard = listen(venue);
    const flat = venue.market.subscribe(request, listen(venue).listener);
    const others = ['ETHUSDT', 'BNBUSDT', 'ADAUSDT', 'SOLUSDT', 'XRPUSDT', 'LTCUSDT', 'DOTUSDT', 'TRXUSDT'].map((symbol) =>
      venue.market.subscribe({ ...request, symbol }, listen(venue).listener),
    );
    const held = await subscribe(venue, heard, { exposed: true });
    const before = held.view()?.candle.openTime;
    const index = await venue.pass();
    weight();
    await venue.clock.advance(2_000);
    expect((await flat).view()?.candle.openTime).toBe(venue.candle(index).openTime);
    expect(heard.closes).toEqual([index]);
    expect(before).toBe(venue.candle(index - 1).openTime);
    await Promise.all(others);
  });

  it('delivers each close once, with the values before and after it', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const before = (await subscribe(venue, heard)).view()?.current[0];
    const index = await venue.pass();
    venue.tell(index, true);
    venue.tell(index, false);
    expect(heard.closes).toEqual([index]);
    expect(heard.views[0]?.previous[0]).toBe(before);
    expect(heard.views[0]?.current[0]).toBeCloseTo(naive(Array.from({ length: index + 1 }, (_, n) => venue.price(n))).ema, 9);
  });

  it('tells forming candles in between', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    await subscribe(venue, heard);
    venue.tell(venue.forming, false);
    expect(heard.updates).toEqual([venue.forming]);
  });

  it('fetches what the stream left out, in order, before anything newer', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    await subscribe(venue, heard);
    const [one, two] = [await venue.pass(false), await venue.pass(false)];
    const three = await venue.pass();
    await venue.clock.advance(5_000);
    expect(heard.closes).toEqual([one, two, three]);
  });

  it('is stale while the stream is interrupted, and whole again after it', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard);
    const [socket] = venue.sockets;
    const gauged = async (): Promise<unknown> => (await venue.metrics.marketStaleSymbols.get()).values[0]?.value;
    expect(await gauged()).toBe(0);
    socket?.break();
    expect([subscription.health, await gauged()]).toEqual(['stale', 1]);
    const missed = [await venue.pass(), await venue.pass()];
    socket?.open();
    await venue.clock.advance(3_000);
    expect(heard.closes).toEqual(missed);
    expect([subscription.health, await gauged()]).toEqual(['live', 0]);
    const arrived = async (): Promise<unknown> => (await venue.metrics.marketLastMessage.get()).values[0]?.value;
    expect(await arrived()).toBeUndefined();
    await venue.pass();
    expect(await arrived()).toBe(venue.clock.now() / 1_000);
  });

  it('reads again when the stream was cut once more while a repair was under way', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard);
    const [socket] = venue.sockets;
    const slow = Promise.withResolvers<void>();
    venue.answering = slow.promise;
    socket?.break();
    socket?.open();
    await venue.clock.advance(1_000);
    socket?.break();
    const missed = await venue.pass();
    socket?.open();
    await venue.clock.advance(1_000);
    slow.resolve();
    await venue.clock.advance(3_000);
    expect(heard.closes).toEqual([missed]);
    expect(subscription.health).toBe('live');
  });

  it('is gapped while a missing candle cannot be had, tells prices meanwhile, and recovers', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard);
    venue.failing = true;
    const lost = await venue.pass(false);
    const next = await venue.pass();
    await venue.clock.advance(20_000);
    expect(subscription.health).toBe('gapped');
    venue.tell(venue.forming, false);
    expect(heard.updates).toContain(venue.forming);
    expect(heard.closes).toEqual([]);
    venue.failing = false;
    await venue.clock.advance(120_000);
    expect(heard.closes).toEqual([lost, next]);
    expect(subscription.health).toBe('live');
  });

  it('is shared: two bots cost one subscription, and the last one to leave ends it', async () => {
    const venue = new ScriptedVenue();
    const [a, b] = [listen(venue), listen(venue)];
    const first = await subscribe(venue, a);
    const second = await subscribe(venue, b, { needs: [{ kind: 'ema', period: 30 }] });
    expect(venue.sockets.flatMap((socket) => socket.sent).filter((message) => message.method === 'SUBSCRIBE')).toHaveLength(1);
    const index = await venue.pass();
    expect([a.closes, b.closes]).toEqual([[index], [index]]);
    first.close();
    await venue.pass();
    expect([a.closes.length, b.closes.length]).toEqual([1, 2]);
    second.close();
    await venue.clock.advance(0);
    expect(venue.sockets[0]?.sent.at(-1)).toMatchObject({ method: 'UNSUBSCRIBE', params: ['btcusdt@kline_1m'] });
  });

  it('tells every bot when the message came, not when its own turn came', async () => {
    const venue = new ScriptedVenue();
    const [a, b] = [listen(venue), listen(venue)];
    const received: [number, number][] = [];
    const slow = (heard: Heard): Heard => ({
      ...heard,
      listener: {
        ...heard.listener,
        onClose(_view, receivedAt) {
          received.push([receivedAt, venue.clock.monotonic()]);
          venue.clock.stall(7);
        },
      },
    });
    await subscribe(venue, slow(a));
    await subscribe(venue, slow(b));
    await venue.pass();
    const [[first, turn] = [0, 0], [second, later] = [0, 0]] = received;
    expect([second - first, later - turn, turn - first]).toEqual([0, 7, 0]);
  });

  it('survives a listener that throws and frames that are garbage', async () => {
    const venue = new ScriptedVenue();
    const good = listen(venue);
    const bad = listen(venue);
    await subscribe(venue, {
      ...bad,
      listener: {
        ...bad.listener,
        onClose() {
          throw new Error('boom');
        },
      },
    });
    await subscribe(venue, good);
    for (const garbage of [
      '',
      '{',
      '[]',
      'null',
      '{"stream":"btcusdt@kline_1m"}',
      '{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":-5}}}',
      '{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":"x","s":7,"k":null}}',
    ])
      venue.sockets[0]?.handlers.onMessage(garbage);
    const index = await venue.pass();
    expect(good.closes).toEqual([index]);
  });

  it('finds out by REST that a connected stream is mute, and dials anew', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    await subscribe(venue, heard);
    const missed = await venue.pass(false);
    await venue.clock.advance(40_000);
    expect(heard.closes).toEqual([missed]);
    expect(heard.health).toContain('stale');
    expect(venue.sockets[0]?.sent.filter((message) => message.method === 'SUBSCRIBE')).toHaveLength(2);
  });

  it('finds out in the middle of a candle that a stream is mute, by trades that REST alone tells', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    await subscribe(venue, heard);
    venue.traded = 1;
    venue.tell(venue.forming, false);
    await venue.clock.advance(10_000);
    venue.traded = 2;
    await venue.clock.advance(18_000);
    expect(heard.health).toContain('stale');
    expect(venue.sockets[0]?.sent.filter((message) => message.method === 'SUBSCRIBE')).toHaveLength(2);
  });

  it('leaves a stream alone that tells what REST knows, late or not at all when nothing is traded', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    await subscribe(venue, heard);
    venue.traded = 1;
    venue.tell(venue.forming, false);
    await venue.clock.advance(19_500);
    venue.traded = 2;
    await venue.clock.advance(3_000);
    venue.tell(venue.forming, false);
    await venue.clock.advance(300_000);
    expect(heard.health).not.toContain('stale');
    expect(venue.sockets[0]?.sent.filter((message) => message.method === 'SUBSCRIBE')).toHaveLength(1);
    expect(venue.reads.length).toBeGreaterThan(3);
  });

  it('is live again when a silent stream speaks, although REST did not answer meanwhile', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard);
    venue.failing = true;
    await venue.clock.advance(35_000);
    expect(subscription.health).toBe('stale');
    venue.tell(venue.forming, false);
    expect(subscription.health).toBe('live');
  });

  it('reads a long outage page after page without calling it a gap', async () => {
    const venue = new ScriptedVenue({ history: 40, limits: { keptCandles: 20 } });
    const heard = listen(venue);
    await subscribe(venue, heard, { warmUpCandles: 20 });
    const first = venue.forming;
    venue.sockets[0]?.break();
    venue.forming += 12_000;
    venue.sockets[0]?.open();
    await venue.clock.advance(100);
    venue.tell(venue.forming, false);
    await venue.clock.advance(30_000);
    expect(heard.closes).toEqual(Array.from({ length: 12_000 }, (_, n) => first + n));
    expect(heard.health).not.toContain('gapped');
  });

  it('passes over a candle that came on another series’ stream', async () => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    await subscribe(venue, heard);
    const { openTime, closeTime } = venue.candle(venue.forming);
    for (const [s, i, T] of [
      ['ETHUSDT', '1m', closeTime],
      ['BTCUSDT', '1s', openTime + 999],
    ])
      venue.sockets[0]?.handlers.onMessage(
        JSON.stringify({
          stream: 'btcusdt@kline_1m',
          data: { e: 'kline', E: closeTime + 1, s, k: { t: openTime, T, s, i, o: '9', h: '9', l: '9', c: '9', v: '1', x: true } },
        }),
      );
    expect(heard.closes).toEqual([]);
  });

  it('delivers every closed candle exactly once and in order, whatever is lost, doubled or cut', async () => {
    const step = fc.constantFrom('told', 'told', 'told', 'lost', 'doubled', 'old', 'cut', 'update');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const venue = new ScriptedVenue({ history: 40, limits: { keptCandles: 20 } });
        const heard = listen(venue);
        await subscribe(venue, heard, { warmUpCandles: 20 });
        const first = venue.forming;
        for (const kind of steps) {
          const [socket] = venue.sockets;
          if (kind === 'cut') {
            socket?.break();
            await venue.pass();
            socket?.open();
          } else if (kind === 'update') venue.tell(venue.forming, false);
          else {
            const index = await venue.pass(kind !== 'lost');
            if (kind === 'doubled') venue.tell(index, true);
            if (kind === 'old') venue.tell(index - 2, true);
          }
          await settle();
        }
        await venue.pass();
        await venue.clock.advance(30_000);
        expect(heard.closes).toEqual(Array.from({ length: venue.forming - first }, (_, n) => first + n));
        await venue.market.stop();
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});

describe('a series that more history is asked of', () => {
  const ema = (venue: ScriptedVenue, period: number, from: number): number => {
    const closes = Array.from({ length: venue.forming - from }, (_, index) => venue.price(from + index));
    let value = closes.slice(0, period).reduce((sum, close) => sum + close, 0) / period;
    for (const close of closes.slice(period)) value += (close - value) * (2 / (period + 1));
    return value;
  };
  const slow = { needs: [{ kind: 'ema', period: 50 }], warmUpCandles: 200 } as const;
  const shallow = (): ScriptedVenue => new ScriptedVenue({ history: 300, limits: { keptCandles: 20 } });

  it('puts each older candle before the others once, however many bots join at the same moment', async () => {
    const venue = shallow();
    await subscribe(venue, listen(venue), { warmUpCandles: 20 });
    const joining = Promise.all([1, 2, 3].map(() => venue.market.subscribe({ ...request, ...slow }, listen(venue).listener)));
    await venue.clock.advance(3_000);
    const [one] = await joining;
    expect(one?.view()?.current[0]).toBeCloseTo(ema(venue, 50, 100), 9);
    const replayed = [...(one?.missedSince(0) ?? [])].map((view) => view.candle.openTime);
    expect(replayed).toEqual(Array.from({ length: 199 }, (_, index) => venue.candle(100 + index).openTime));
  });

  it('loses no candle of those who are on it when that history cannot be had', async () => {
    const venue = shallow();
    const heard = listen(venue);
    await subscribe(venue, heard, { warmUpCandles: 20 });
    venue.failing = true;
    const [waiting, leaving] = [listen(venue), new AbortController()];
    const joining = venue.market.subscribe({ ...request, ...slow }, waiting.listener);
    const left = venue.market.subscribe({ ...request, ...slow }, listen(venue).listener, leaving.signal);
    await venue.clock.advance(20_000);
    expect([...new Set(waiting.reasons)]).toEqual(['the candles of BTCUSDT 1m cannot be read: REST is down']);
    leaving.abort(new Error('it was stopped'));
    await expect(left).rejects.toThrow('it was stopped');
    venue.failing = false;
    // REST knows the next close before the stream tells it.
    const index = await venue.pass(false);
    await venue.clock.advance(60_000);
    expect((await joining).view()?.current[0]).toBeGreaterThan(0);
    venue.tell(index, true);
    await venue.clock.advance(1_000);
    expect(heard.closes).toEqual([index]);
  });

  it('does not reach over a hole', async () => {
    const venue = shallow();
    venue.missing.add(279);
    await subscribe(venue, listen(venue), { warmUpCandles: 20 });
    const subscription = await subscribe(venue, listen(venue), { needs: [{ kind: 'ema', period: 5 }], warmUpCandles: 200 });
    expect([...subscription.missedSince(0)].map((view) => view.candle.openTime)[0]).toBe(venue.candle(280).openTime);
  });

  it('is closed when the only one who joined gives up before it is served', async () => {
    const venue = shallow();
    const first = await subscribe(venue, listen(venue), { warmUpCandles: 20 });
    venue.failing = true;
    const leaving = new AbortController();
    const left = venue.market.subscribe({ ...request, ...slow }, listen(venue).listener, leaving.signal);
    await venue.clock.advance(2_000);
    first.close();
    expect(venue.sockets[0]?.subscribed.size).toBe(1);
    leaving.abort(new Error('it was stopped'));
    await expect(left).rejects.toThrow('it was stopped');
    await venue.clock.advance(0);
    expect(venue.sockets[0]?.subscribed.size).toBe(0);
  });
});

describe('the feed', () => {
  it('spreads streams over sockets within the venue’s limit', async () => {
    const venue = new ScriptedVenue({ limits: { maxStreamsPerSocket: 2 } });
    for (const symbol of ['AUSDT', 'BUSDT', 'CUSDT', 'DUSDT', 'EUSDT']) await subscribe(venue, listen(venue), { symbol });
    expect(venue.sockets.map((socket) => socket.subscribed.size)).toEqual([2, 2, 1]);
  });

  it('asks for streams that are added together in one message', async () => {
    const venue = new ScriptedVenue();
    const joining = ['AUSDT', 'BUSDT', 'CUSDT'].map((symbol) =>
      venue.market.subscribe({ symbol, timeframe: '1m', needs: [], warmUpCandles: 5, exposed: false }, listen(venue).listener),
    );
    await venue.clock.advance(3_000);
    await Promise.all(joining);
    expect(venue.sockets[0]?.sent).toHaveLength(1);
  });

  it.each([
    ['its 24 hours end', (venue: ScriptedVenue) => venue.clock.advance(23 * 3_600_000)],
    [
      'the server announces its shutdown',
      async (venue: ScriptedVenue) => {
        venue.sockets[0]?.handlers.onMessage('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}');
        await venue.clock.advance(100);
      },
    ],
  ])('replaces a socket before %s: the new one is subscribed first', async (_, happen) => {
    const venue = new ScriptedVenue();
    const heard = listen(venue);
    const subscription = await subscribe(venue, heard);
    await happen(venue);
    const [old, next] = venue.sockets;
    expect([old?.state, next?.state, next?.subscribed.size]).toEqual(['stopped', 'open', 1]);
    const index = await venue.pass();
    await venue.clock.advance(2_000);
    expect([heard.closes.at(-1), subscription.health]).toEqual([index, 'live']);
  });

  it('dials anew when a SUBSCRIBE is not answered', async () => {
    const venue = new ScriptedVenue();
    ScriptedSocket.mute = true;
    void venue.market.subscribe(
      { symbol: 'BTCUSDT', timeframe: '1m', needs: [], warmUpCandles: 5, exposed: false },
      listen(venue).listener,
    );
    await venue.clock.advance(5_000);
    ScriptedSocket.mute = false;
    await venue.clock.advance(10_000);
    expect(venue.sockets[0]?.sent.filter((message) => message.method === 'SUBSCRIBE').length).toBeGreaterThan(1);
  });
});
