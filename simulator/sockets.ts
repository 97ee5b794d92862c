/**
 * What both kinds of web socket share: server pings with a pong deadline, a lifetime, a bound on what clients send, and
 * half-open connections (a fault): neither side is told, but nothing goes out and nothing that comes in is heard.
 */
import type { WebSocket } from 'ws';
import type { Timer } from '../engine/time/clock.ts';
import type { Venue } from './venue.ts';

const pingEveryMs = 20_000;
const pongWithinMs = 60_000;
const lifetimeMs = 24 * 3_600_000;

const halfOpen = new WeakSet<WebSocket>();

/** Sends unless the connection is half-open. */
export function say(socket: WebSocket, text: string): void {
  if (!halfOpen.has(socket)) socket.send(text);
}

/** From here on the connection only looks alive: no data, no pings, no pongs, no close. */
export function leaveHalfOpen(socket: WebSocket): void {
  halfOpen.add(socket);
  socket.pause();
}

export function isHalfOpen(socket: WebSocket): boolean {
  return halfOpen.has(socket);
}

/** Hears text frames; what a frame brings up is told to `failed` and never ends the process. */
export function hear(socket: WebSocket, handle: (text: string) => void | Promise<void>, failed: (error: unknown) => void): void {
  socket.on('message', (data) => {
    void (async () => handle((data as Buffer).toString()))().catch(failed);
  });
}

/** Answers nothing: the timers end with the socket. Only a pong that echoes a ping of ours keeps the link. */
export function keepInOrder(venue: Venue, socket: WebSocket): void {
  const { clock, log } = venue;
  let lastPong = clock.monotonic();
  let pinged: string | null = null;
  const timers: Timer[] = [
    clock.every(pingEveryMs, () => {
      if (halfOpen.has(socket)) return;
      if (clock.monotonic() - lastPong > pongWithinMs) {
        socket.terminate();
        return;
      }
      pinged = String(venue.time.now());
      socket.ping(pinged);
    }),
    clock.after(lifetimeMs, () => socket.close(1008, 'connection lifetime')),
  ];
  socket.on('pong', (payload) => {
    if (payload.toString() === pinged) lastPong = clock.monotonic();
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
