/**
 * When the link to the database is half-open, neither an answer nor the end of the connection arrives: a statement would wait for hours.
 * The server bounds how long statements take, so a socket that is silent for longer is dead and is destroyed; the driver then fails what
 * was under way.
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

/** For a connection that is held for a lock or LISTEN and is otherwise silent: how long a silence may last, and how often it is asked something. */
export const heldConnection = { statementTimeoutMs: 10_000, askEveryMs: 5_000 } as const;

/** Asks something now and then, so that a silence shows a dead connection. Stops with the connection. */
export function keepTalking(client: Client, clock: Clock): Timer {
  const timer = clock.every(heldConnection.askEveryMs, () => {
    client.query('select 1').catch(() => undefined); // its end is reported by the connection itself
  });
  client.once('end', () => timer.cancel());
  return timer;
}
