/**
 * A database that has vanished without a word (a half-open link) answers neither a statement nor an end: whoever waits
 * would wait for hours. Statements are bounded by the server, so a socket that is silent for longer than they may take
 * has nobody at its other end and is destroyed; the driver then fails what was under way.
 */
import { Socket } from 'node:net';
import type { Client } from 'pg';
import type { Clock, Timer } from '../time/clock.ts';

/** What an answer may take beyond the server's own bound on a statement. */
const marginMs = 2_000;

/** For the driver's `stream` option. */
export function boundedSocket(statementTimeoutMs: number): () => Socket {
  return () => {
    const silenceMs = statementTimeoutMs + marginMs;
    const socket = new Socket();
    socket.setTimeout(silenceMs, () =>
      socket.destroy(new Error(`the database has not said anything for ${silenceMs} ms; the connection is given up`)),
    );
    return socket;
  };
}

/** Bound and pace of a connection that is held for its session (a lock, LISTEN) and has nothing to say by itself. */
export const heldConnection = { statementTimeoutMs: 10_000, askEveryMs: 5_000 } as const;

/** Asks now and then, so that the silence of a held connection means something. Stops with the connection. */
export function keepTalking(client: Client, clock: Clock): Timer {
  const timer = clock.every(heldConnection.askEveryMs, () => {
    client.query('select 1').catch(() => undefined); // its end is reported by the connection itself
  });
  client.once('end', () => timer.cancel());
  return timer;
}
