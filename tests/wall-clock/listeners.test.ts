/** Both listeners of an engine end when they are told to, whoever is connected. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { openPlane } from '../integration/admin/given.ts';

describe('both listeners', () => {
  it('close without waiting for clients that are slow to ask', async () => {
    const other = await openPlane();
    const sockets: Socket[] = [];
    for (const url of [other.urls.adminUrl, other.urls.metricsUrl])
      for (const said of ['', 'GET /v1/bots HTTP/1.1\r\nHo', 'POST /v1/bots HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{']) {
        const socket = connect(Number(new URL(url).port), '127.0.0.1');
        socket.on('error', () => undefined).resume();
        await once(socket, 'connect');
        socket.write(said);
        sockets.push(socket);
      }
    const ended = Promise.all(sockets.map((socket) => once(socket, 'close')));
    const startedAt = performance.now();
    await other.close();
    // The first time-out that would end them by itself is five seconds away.
    expect(performance.now() - startedAt).toBeLessThan(4_500);
    await ended;
  });
});
