/** What both kinds of web socket share: server pings with a pong deadline, a lifetime, a bound on what clients send. */
import type { WebSocket } from 'ws';
import type { Timer } from '../engine/time/clock.ts';
import type { Venue } from './venue.ts';

const pingEveryMs = 20_000;
const pongWithinMs = 60_000;
const lifetimeMs = 24 * 3_600_000;

/** Answers nothing: the timers end with the socket. */
export function keepInOrder(venue: Venue, socket: WebSocket): void {
  const { clock, log } = venue;
  let lastPong = clock.monotonic();
  const timers: Timer[] = [
    clock.every(pingEveryMs, () => {
      if (clock.monotonic() - lastPong > pongWithinMs) socket.terminate();
      else socket.ping(String(venue.time.now()));
    }),
    clock.after(lifetimeMs, () => socket.close(1008, 'connection lifetime')),
  ];
  socket.on('pong', () => {
    lastPong = clock.monotonic();
  });
  socket.on('error', (error) => log.debug({ err: error }, 'a client socket failed'));
  socket.on('close', () => {
    for (const timer of timers) timer.cancel();
  });
}

/** Counts client messages (pings and pongs too) and disconnects who sends more than the venue allows. */
export function boundMessages(venue: Venue, socket: WebSocket, perSecond: number): void {
  let second = 0;
  let count = 0;
  const note = (): void => {
    const now = Math.floor(venue.clock.monotonic() / 1_000);
    count = now === second ? count + 1 : 1;
    second = now;
    if (count > perSecond) socket.close(1008, 'Too many requests');
  };
  for (const kind of ['message', 'ping', 'pong']) socket.on(kind, note);
}
