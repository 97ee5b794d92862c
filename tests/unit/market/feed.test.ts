import { afterEach, describe, expect, it } from 'vitest';
import { ScriptedSocket, ScriptedVenue, listen, request, subscribe } from './scripted-venue.ts';

afterEach(() => {
  ScriptedSocket.mute = ScriptedSocket.refusing = false;
});

const shutdown = '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}';

async function announceShutdown(venue: ScriptedVenue, socket: number): Promise<void> {
  venue.sockets[socket]?.handlers.onMessage(shutdown);
  await venue.clock.advance(100);
}

/** One series whose socket is being replaced by one that does not open. */
async function halfReplaced(): Promise<{ venue: ScriptedVenue; heard: ReturnType<typeof listen>; health: () => string }> {
  const venue = new ScriptedVenue();
  const heard = listen(venue);
  const subscription = await subscribe(venue, heard);
  ScriptedSocket.refusing = true;
  await announceShutdown(venue, 0);
  return { venue, heard, health: () => subscription.health };
}

const states = (venue: ScriptedVenue): string[] => venue.sockets.map((socket) => socket.state);

describe('a socket that is being replaced', () => {
  it('goes on telling candles until the new one stands', async () => {
    const { venue, heard, health } = await halfReplaced();
    const one = await venue.pass();
    expect([heard.closes, health(), states(venue)]).toEqual([[one], 'live', ['open', 'connecting']]);
    venue.sockets[1]?.open();
    const two = await venue.pass();
    await venue.clock.advance(2_000);
    expect([heard.closes, health(), states(venue)]).toEqual([[one, two], 'live', ['stopped', 'open']]);
  });

  it('leaves its series stale when it dies before the new one stands, and does not dial beside it', async () => {
    const { venue, heard, health } = await halfReplaced();
    venue.sockets[0]?.break();
    expect([health(), states(venue)]).toEqual(['stale', ['stopped', 'connecting']]);
    const missed = await venue.pass();
    venue.sockets[1]?.open();
    await venue.clock.advance(3_000);
    expect([heard.closes, health()]).toEqual([[missed], 'live']);
  });

  it('goes when the new one is told to go as well before it stands, however often', async () => {
    const { venue, heard, health } = await halfReplaced();
    await announceShutdown(venue, 0);
    await announceShutdown(venue, 1);
    await announceShutdown(venue, 2);
    ScriptedSocket.refusing = false;
    await announceShutdown(venue, 3);
    await venue.clock.advance(3_000);
    expect(states(venue)).toEqual(['stopped', 'stopped', 'stopped', 'stopped', 'open']);
    const index = await venue.pass();
    expect([heard.closes, health()]).toEqual([[index], 'live']);
  });

  it('goes although all its streams were left meanwhile', async () => {
    const venue = new ScriptedVenue();
    const subscription = await subscribe(venue, listen(venue));
    ScriptedSocket.refusing = true;
    await announceShutdown(venue, 0);
    subscription.close();
    await venue.clock.advance(40_000);
    expect(states(venue)).toEqual(['stopped', 'stopped']);
  });

  it('is joined by nobody: a new stream goes to the one that takes its place', async () => {
    const { venue } = await halfReplaced();
    const joining = subscribe(venue, listen(venue), { symbol: 'ETHUSDT' });
    await venue.clock.advance(3_000);
    venue.sockets[1]?.open();
    await venue.clock.advance(3_000);
    await joining;
    expect([...(venue.sockets[1]?.subscribed ?? [])].sort()).toEqual(['btcusdt@kline_1m', 'ethusdt@kline_1m']);
    expect(states(venue)).toEqual(['stopped', 'open']);
  });
});

describe('control messages', () => {
  const symbols = Array.from({ length: 60 }, (_, index) => `S${index}USDT`);

  it('of streams that come one after the other share a message while an answer is awaited', async () => {
    const venue = new ScriptedVenue();
    ScriptedSocket.mute = true;
    for (const symbol of symbols) {
      void venue.market.subscribe({ ...request, symbol }, listen(venue).listener);
      await venue.clock.advance(10);
    }
    const [socket] = venue.sockets;
    expect(socket?.sent).toHaveLength(1);
    ScriptedSocket.mute = false;
    socket?.handlers.onMessage(JSON.stringify({ result: null, id: socket.sent[0]?.id }));
    await venue.clock.advance(0);
    expect(socket?.sent.map((message) => message.params.length)).toEqual([1, 59]);
  });

  it('of streams that leave together are one message', async () => {
    const venue = new ScriptedVenue();
    const joining = Promise.all(symbols.map((symbol) => venue.market.subscribe({ ...request, symbol }, listen(venue).listener)));
    await venue.clock.advance(20_000);
    const joined = await joining;
    for (const subscription of joined) subscription.close();
    await venue.clock.advance(0);
    expect(venue.sockets[0]?.sent.map((message) => message.method)).toEqual(['SUBSCRIBE', 'UNSUBSCRIBE']);
  });
});
