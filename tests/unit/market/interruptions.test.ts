/** Random histories of a feed: cuts, shutdown notices, lost, doubled and reordered frames, REST that lags, stalls or fails. */
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { settle } from '../../support/fake-clock.ts';
import { ScriptedSocket, ScriptedVenue, listen, subscribe } from './scripted-venue.ts';

afterEach(() => {
  ScriptedSocket.mute = ScriptedSocket.refusing = false;
});

const shutdown = '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}';

const steps = {
  told: (venue) => venue.pass(),
  lost: (venue) => venue.pass(false),
  doubled: async (venue) => venue.tell(await venue.pass(), true),
  late: async (venue) => venue.tell((await venue.pass()) - 2, true),
  reordered: async (venue) => {
    const first = await venue.pass(false);
    await venue.pass();
    venue.tell(first, true);
  },
  forming: (venue) => venue.tell(venue.forming, false),
  cutOldest: (venue) => venue.sockets.find((socket) => socket.state === 'open')?.break(),
  cutNewest: (venue) => venue.sockets.findLast((socket) => socket.state === 'open')?.break(),
  dial: (venue) => {
    ScriptedSocket.refusing = false;
    for (const socket of venue.sockets) if (socket.state === 'connecting' || socket.state === 'waiting') socket.open();
  },
  shutdown: (venue) => venue.sockets.findLast((socket) => socket.state === 'open')?.handlers.onMessage(shutdown),
  refuse: () => void (ScriptedSocket.refusing = true),
  restFails: (venue) => void (venue.failing = !venue.failing),
  restLags: (venue) => void (venue.lag = venue.lag === 0 ? 2 : 0),
  restStalls: (venue) => void (venue.answering = venue.clock.sleep(2_500)),
  wait: (venue) => venue.clock.advance(700),
  waitLong: (venue) => venue.clock.advance(12_000),
} satisfies Record<string, (venue: ScriptedVenue) => unknown>;

function naiveEma(venue: ScriptedVenue, count: number): number {
  const closes = Array.from({ length: count }, (_, index) => venue.price(index));
  let ema = closes.slice(0, 5).reduce((sum, close) => sum + close, 0) / 5;
  for (const close of closes.slice(5)) ema += (close - ema) / 3;
  return ema;
}

it('ends with every closed candle told once, in order, with the right indicators, on one socket', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...(Object.keys(steps) as (keyof typeof steps)[])), { minLength: 1, maxLength: 40 }),
      async (kinds) => {
        ScriptedSocket.refusing = false;
        const venue = new ScriptedVenue({ history: 120 });
        const heard = listen(venue);
        const subscription = await subscribe(venue, heard);
        const first = venue.forming;
        for (const kind of kinds) {
          await steps[kind](venue);
          await settle();
        }
        venue.failing = false;
        venue.lag = 0;
        steps.dial(venue);
        await venue.clock.advance(1_000);
        await venue.pass();
        await venue.clock.advance(150_000);
        expect(heard.closes).toEqual(Array.from({ length: venue.forming - first }, (_, n) => first + n));
        expect(subscription.health).toBe('live');
        for (const view of heard.views) {
          const count = (view.candle.openTime - venue.first) / 60_000 + 1;
          expect(view.current[0]).toBeCloseTo(naiveEma(venue, count), 9);
          expect(view.previous[0]).toBeCloseTo(naiveEma(venue, count - 1), 9);
        }
        expect(venue.sockets.filter((socket) => socket.state !== 'stopped').map((socket) => socket.state)).toEqual(['open']);
        await venue.market.stop();
      },
    ),
    { numRuns: 300 },
  );
}, 120_000);
