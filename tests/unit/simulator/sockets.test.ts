/** What keeps a connection, and what ends it. */
import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { keepInOrder, leaveHalfOpen } from '../../../simulator/sockets.ts';
import type { Venue } from '../../../simulator/venue.ts';
import { FakeClock } from '../../support/fake-clock.ts';

class FakeSocket extends EventEmitter {
  readonly pings: string[] = [];
  ended = false;
  ping(payload: string): void {
    this.pings.push(payload);
  }
  pause(): void {
    this.emit('paused');
  }
  terminate(): void {
    this.ended = true;
    this.emit('close');
  }
}

function connected(): { clock: FakeClock; socket: FakeSocket } {
  const clock = new FakeClock();
  const socket = new FakeSocket();
  const venue = { clock, log: pino({ level: 'silent' }), time: { now: () => clock.now() } } as unknown as Venue;
  keepInOrder(venue, socket as unknown as WebSocket);
  return { clock, socket };
}

it.each([
  ['echoes each ping', (socket: FakeSocket) => socket.pings.at(-1) ?? '', false],
  ['sends pongs of its own', () => '', true],
])('a client that %s', async (_, payload, ended) => {
  const { clock, socket } = connected();
  for (let second = 0; second < 120; second += 1) {
    await clock.advance(1_000);
    if (!socket.ended) socket.emit('pong', Buffer.from(payload(socket)));
  }
  expect(socket.ended).toBe(ended);
});

it('a half-open connection is neither pinged nor ended', async () => {
  const { clock, socket } = connected();
  leaveHalfOpen(socket as unknown as WebSocket);
  await clock.advance(3_600_000);
  expect([socket.pings, socket.ended]).toEqual([[], false]);
});
