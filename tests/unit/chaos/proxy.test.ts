import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultProxy } from '../../chaos/proxy.ts';

describe('a link that can be made bad', () => {
  let server: Server;
  let proxy: FaultProxy;
  let received = '';
  let client: Socket;
  let heard = '';

  beforeEach(async () => {
    received = heard = '';
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        received += chunk.toString();
        socket.write(`<${chunk.toString()}>`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    proxy = await FaultProxy.start('test', `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
    client = await dial();
  });
  afterEach(async () => {
    client.destroy();
    await proxy.stop();
    server.close();
  });

  async function dial(): Promise<Socket> {
    const socket = connect(proxy.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => (heard += chunk.toString()));
    await once(socket, 'connect');
    return socket;
  }
  /** Resets are errors before they are ends. */
  function closed(socket: Socket): Promise<void> {
    return new Promise((resolve) => socket.once('close', () => resolve()));
  }
  async function until(what: () => boolean): Promise<void> {
    while (!what()) await sleep(2);
  }

  it('carries both ways in order', async () => {
    client.write('a');
    await until(() => heard === '<a>');
    client.write('b');
    await until(() => heard === '<a><b>');
  });

  it('is late by what was asked, each way', async () => {
    proxy.set({ kind: 'latency', ms: 60 });
    const startedAt = performance.now();
    client.write('a');
    await until(() => heard === '<a>');
    expect(performance.now() - startedAt).toBeGreaterThan(115);
  });

  it('is narrow', async () => {
    proxy.set({ kind: 'narrow', bytesPerSecond: 1_000 });
    const startedAt = performance.now();
    client.write('x'.repeat(100));
    await until(() => heard.length === 102);
    expect(performance.now() - startedAt).toBeGreaterThan(195);
  });

  it('keeps what is sent while it is stalled, and delivers it when it is open again', async () => {
    proxy.set({ kind: 'stalled' });
    client.write('a');
    await sleep(30);
    expect(received).toBe('');
    proxy.heal();
    await until(() => heard === '<a>');
  });

  it('swallows everything when it is half-open, tells nobody, and stays so for the connections of that time', async () => {
    let givenUp = 0;
    proxy.onGivenUp = () => (givenUp += 1);
    proxy.set({ kind: 'half-open' });
    client.write('a');
    server.close();
    await sleep(30);
    proxy.heal();
    client.write('b');
    await sleep(30);
    expect([received, heard, client.destroyed]).toEqual(['', '', false]);
    client.destroy();
    await until(() => givenUp === 1);
  });

  it('refuses, cuts and resets', async () => {
    proxy.end('cut');
    await once(client, 'end');
    client = await dial();
    const reset = closed(client);
    proxy.end('reset');
    await reset;
    proxy.set({ kind: 'refused' });
    client = connect(proxy.port, '127.0.0.1').on('error', () => undefined);
    await closed(client);
    expect(proxy.connections).toBe(0);
  });

  it('loses one request before it arrives, or the answer behind it', async () => {
    proxy.doom('POST /order', 'request-lost');
    proxy.doom('POST /order', 'answer-lost');
    client.write('GET /time');
    await until(() => heard === '<GET /time>');
    const lost = closed(client);
    client.write('POST /order 1');
    await lost;
    client = await dial();
    const unheard = closed(client);
    client.write('POST /order 2');
    await unheard;
    client = await dial();
    client.write('POST /order 3');
    await until(() => heard === '<GET /time><POST /order 3>');
    expect(received).toBe('GET /timePOST /order 2POST /order 3');
  });
});
