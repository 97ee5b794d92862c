import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { pino } from 'pino';
import { ConnectLimiter } from '../../../engine/exchanges/connect-limiter.ts';
import { ExchangeSocket, type ExchangeSocketOptions } from '../../../engine/exchanges/socket.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { systemClock } from '../../../engine/time/clock.ts';

/** A real server on loopback; half-open and refusal are scripted per test. */
let http: Server;
let server: WebSocketServer;
let clients: WebSocket[];
let arrivals: { text: string; at: number }[];
let refuseWith: number | null;
let retryAfter: string;
let sockets: ExchangeSocket[];
let autoPong: boolean;

beforeEach(async () => {
  clients = [];
  arrivals = [];
  sockets = [];
  refuseWith = null;
  retryAfter = '7';
  autoPong = true;
  http = createServer();
  server = new WebSocketServer({ noServer: true });
  http.on('upgrade', (request, socket, head) => {
    if (refuseWith !== null) {
      socket.end(`HTTP/1.1 ${refuseWith} Refused\r\nRetry-After: ${retryAfter}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    server.options.autoPong = autoPong;
    server.handleUpgrade(request, socket, head, (client) => {
      clients.push(client);
      client.on('message', (data) => arrivals.push({ text: (data as Buffer).toString(), at: performance.now() }));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await Promise.all(sockets.map((socket) => socket.stop()));
  for (const client of clients) client.terminate();
  await new Promise((resolve) => http.close(resolve));
});

function open(overrides: Partial<ExchangeSocketOptions> = {}) {
  const events: string[] = [];
  const metrics = createMetrics();
  const socket = new ExchangeSocket({
    name: 'test',
    url: () => `ws://127.0.0.1:${(http.address() as AddressInfo).port}/stream`,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    metrics,
    connectLimiter: new ConnectLimiter({ clock: systemClock }),
    random: () => 0.1,
    onOpen: () => events.push('open'),
    onMessage: (text) => events.push(text),
    onClose: (reason) => events.push(`close ${reason}`),
    ...overrides,
  });
  sockets.push(socket);
  socket.start();
  return { socket, events, metrics };
}

const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), { timeout: 5_000, interval: 5 });

describe('an exchange socket', () => {
  it('delivers texts and reconnects after the server closed', async () => {
    const { socket, events } = open();
    await until(() => clients.length === 1 && socket.state === 'open');
    clients[0]?.send('hello');
    await until(() => events.includes('hello'));
    clients[0]?.close(1001, 'bye');
    await until(() => clients.length === 2 && socket.state === 'open');
    expect(events).toEqual(['open', 'hello', 'close closed by the server: 1001 bye', 'open']);
  });

  it('finds a half-open link by its own ping and dials again', async () => {
    autoPong = false;
    const { events } = open({ pingIntervalMs: 30, pongTimeoutMs: 50 });
    await until(() => events.length >= 3);
    expect(events.slice(0, 3)).toEqual(['open', 'close half-open: no frame since our ping', 'open']);
  });

  it('stays when pings are answered', async () => {
    const { socket, events } = open({ pingIntervalMs: 20, pongTimeoutMs: 30 });
    let pings = 0;
    await until(() => clients.length === 1);
    clients[0]?.on('ping', () => pings++);
    await until(() => pings >= 5);
    expect(socket.state).toBe('open');
    expect(events).toEqual(['open']);
  });

  it('takes a binary frame for a broken stream', async () => {
    const { events } = open();
    await until(() => clients.length === 1);
    clients[0]?.send(Buffer.from([1, 2, 3]));
    await until(() => events.length >= 3);
    expect(events[1]).toContain('binary');
  });

  it('drops the connection instead of buffering a huge frame', async () => {
    const { events } = open({ maxPayloadBytes: 1_000 });
    await until(() => clients.length === 1);
    clients[0]?.send('x'.repeat(1_001));
    await until(() => events.length >= 3);
    expect(events[1]).toContain('Max payload size exceeded');
  });

  it('spaces what it sends and bounds what waits', async () => {
    const { socket } = open({ maxMessagesPerSecond: 20, maxQueuedMessages: 3 });
    await until(() => socket.state === 'open');
    // A busy machine can only make it later than this.
    const at = performance.now();
    expect(['a', 'b', 'c', 'd', 'e'].map((text) => socket.send(text))).toEqual([true, true, true, true, false]);
    await until(() => arrivals.length === 4);
    expect(arrivals.map(({ text }) => text)).toEqual(['a', 'b', 'c', 'd']);
    expect((arrivals[3]?.at ?? 0) - at).toBeGreaterThan(140);
  });

  it('counts the answer to a server ping against the pace', async () => {
    const { socket } = open({ maxMessagesPerSecond: 10 });
    await until(() => clients.length === 1 && socket.state === 'open');
    const pong = new Promise((resolve) => clients[0]?.once('pong', resolve));
    const at = performance.now();
    clients[0]?.ping('payload');
    await pong;
    socket.send('after the pong');
    await until(() => arrivals.length === 1);
    expect((arrivals[0]?.at ?? 0) - at).toBeGreaterThan(90);
  });

  it('refuses to send while there is no connection', async () => {
    refuseWith = 503;
    const { socket, events } = open();
    expect(socket.send('lost')).toBe(false);
    await until(() => socket.state === 'waiting');
    expect(socket.send('lost')).toBe(false);
    expect(events).toEqual([]);
  });

  it('pauses every connect of the venue when the venue refuses with 429', async () => {
    refuseWith = 429;
    const connectLimiter = new ConnectLimiter({ clock: systemClock });
    const { socket } = open({ connectLimiter });
    await until(() => socket.state === 'waiting');
    expect(connectLimiter.take()).toBeGreaterThan(6_000);
  });

  it.each(['1e308', '0', '-7', 'soon', '259201', ''])(
    'pauses for a minute when the venue refuses with 429 and the time is "%s"',
    async (told) => {
      refuseWith = 429;
      retryAfter = told;
      const connectLimiter = new ConnectLimiter({ clock: systemClock });
      const { socket } = open({ connectLimiter });
      await until(() => socket.state === 'waiting');
      const waitMs = connectLimiter.take();
      expect([waitMs > 50_000, waitMs <= 60_000]).toEqual([true, true]);
    },
  );

  it('never dials again after stop, and says so', async () => {
    const { socket, events, metrics } = open();
    await until(() => socket.state === 'open');
    const connections = (): Promise<string> => metrics.registry.getSingleMetricAsString('evenkeel_ws_connections');
    expect(await connections()).toContain('state="open"} 1');
    await socket.stop();
    expect(events).toEqual(['open', 'close stopped']);
    expect(socket.state).toBe('stopped');
    expect(await connections()).not.toContain('state="open"}');
    expect(await metrics.registry.getSingleMetricAsString('evenkeel_ws_disconnects_total')).toContain('reason="stopped"} 1');
  });

  it('can be stopped while it dials', async () => {
    const { socket, events } = open();
    await socket.stop();
    expect(events).toEqual([]);
    expect(socket.state).toBe('stopped');
  });
});

describe('the connect limiter', () => {
  it('lets no more than its number of attempts into any window', () => {
    let now = 0;
    const limiter = new ConnectLimiter({ clock: { ...systemClock, monotonic: () => now }, maxConnects: 2, windowMs: 100 });
    expect([limiter.take(), limiter.take()]).toEqual([0, 0]);
    now = 40;
    expect(limiter.take()).toBe(60);
    now = 100;
    expect(limiter.take()).toBe(0);
  });
});
