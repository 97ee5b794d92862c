/** An exchange on one port: REST, market streams and the WebSocket API over one set of books; a control port beside it. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import type { Log } from '../engine/observe/log.ts';
import type { Clock } from '../engine/time/clock.ts';
import { timeframeMs } from '../engine/trading/candle.ts';
import { Keyring } from './accounts.ts';
import type { SimulatedAccount } from './accounts.ts';
import { createControl } from './control.ts';
import type { Stepped } from './control.ts';
import { Depths } from './depth.ts';
import { Exchange } from './exchange.ts';
import { Faults } from './faults.ts';
import type { Fuel } from './fuel.ts';
import { readLedger } from './ledger.ts';
import type { Ledger } from './ledger.ts';
import { Limits, defaultLimits } from './limits.ts';
import type { LimitValues } from './limits.ts';
import { Market } from './market.ts';
import { listEndpoints } from './list-endpoints.ts';
import { marketEndpoints } from './market-endpoints.ts';
import { Reads } from './reads.ts';
import { createRestHandler } from './rest.ts';
import { isHalfOpen } from './sockets.ts';
import { MarketStreams } from './streams.ts';
import { Tape } from './tape.ts';
import { tradeDataEndpoints } from './trade-data-endpoints.ts';
import { tradeEndpoints } from './trade-endpoints.ts';
import type { Venue } from './venue.ts';
import { createVenueTime } from './venue-time.ts';
import type { Pace } from './venue-time.ts';
import { WsApi } from './ws-api.ts';

export interface SimulatorOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** 0 takes a free one. */
  readonly port: number;
  /** Null: no control port. */
  readonly controlPort: number | null;
  readonly fuel: Fuel;
  readonly pace: Pace;
  readonly accounts: readonly SimulatedAccount[];
  readonly seed: number;
  /** Recorded fuel: so many of its candles are past when the venue opens. Generated fuel has all the past there is. */
  readonly history?: number;
  /** Generated fuel: where the venue's clock starts; the wall's time by default. */
  readonly startMs?: number;
  /** Fractions; 0.1 % each by default. */
  readonly fees?: { readonly maker: string; readonly taker: string };
  /** Distance of bid and ask from the price; 0 by default. */
  readonly spreadTicks?: number;
  /** Base that one order can take at one price; unlimited by default. */
  readonly liquidity?: string | null;
  readonly limits?: LimitValues;
  /** A recording has ended: nothing is played any more. Told once. */
  onEnd?(atMs: number): void;
}

export interface Simulator {
  readonly restUrl: string;
  readonly streamUrl: string;
  readonly wsApiUrl: string;
  readonly controlUrl: string | null;
  /** The venue's time. */
  now(): number;
  /** Plays whole candles (pace stepped); resolves when what they caused was handed to the sockets. */
  step(candles?: number): Promise<Stepped>;
  /** The same for tenths of a candle. */
  stepPoints(points?: number): Promise<Stepped>;
  ledger(): Ledger;
  readonly faults: Faults;
  stop(): Promise<void>;
}

/** How often a venue that runs by itself plays what is due. */
const playEveryMs = 50;
const frameMax = 1024 * 1024;
/** Exchanges keep idle connections for a minute. Node's five seconds would answer for a client that slept longer: its late order would meet a closed socket. */
const keepAliveMs = 65_000;

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { clock, log, fuel, accounts, seed } = options;
  const stepMs = timeframeMs[fuel.baseTimeframe];
  const startMs = fuel.firstOpenTime === null ? (options.startMs ?? clock.now()) : fuel.firstOpenTime + (options.history ?? 0) * stepMs;
  const firstOpenTime = Math.floor(startMs / stepMs) * stepMs;
  const time = createVenueTime(clock, options.pace, options.pace.kind === 'stepped' ? firstOpenTime : startMs);
  const exchange = new Exchange({
    fuel,
    accounts,
    time,
    fees: options.fees ?? { maker: '0.001', taker: '0.001' },
    spreadTicks: options.spreadTicks ?? 0,
    liquidity: options.liquidity ?? null,
  });

  const tape = new Tape(exchange.matching);
  const streams = new MarketStreams(() => venue, fuel.baseTimeframe);
  const market = new Market({
    fuel,
    time,
    clock,
    seed,
    firstOpenTime,
    listener: {
      onPrice(symbol, price, atMs, way, traded) {
        exchange.setPrice(symbol, price, atMs, way);
        // A symbol that is not listed any more says nothing.
        if (exchange.instrument(symbol) === null) return;
        if (traded.gt(0)) streams.onTrades([tape.ofMarket(symbol, price, traded, atMs)]);
        streams.onPrice(symbol, atMs);
      },
      onKline(symbol, interval, candle, atMs) {
        if (exchange.instrument(symbol) !== null) streams.onKline(symbol, interval, candle, atMs);
      },
    },
  });
  const faults = new Faults();
  const limits = new Limits(time, options.limits ?? defaultLimits);
  exchange.listen((events) => limits.note(events));
  exchange.listen((events) => streams.onEvents(events, tape.ofAccounts(events)));
  const venue: Venue = {
    exchange,
    reads: new Reads(exchange, faults, time),
    market,
    tape,
    depths: new Depths(
      exchange,
      accounts.map((account) => account.name),
    ),
    time,
    keyring: new Keyring(accounts),
    limits,
    faults,
    clock,
    log,
  };
  market.begin();
  const endpoints = [...marketEndpoints(fuel.baseTimeframe), ...tradeDataEndpoints, ...tradeEndpoints, ...listEndpoints];
  const wsApi = new WsApi(venue, endpoints);
  const server = createServer({ keepAliveTimeout: keepAliveMs }, createRestHandler(venue, endpoints));
  const webSockets = acceptSockets(server, streams, wsApi);

  let ended = false;
  const tellEnd = (): void => {
    if (ended || !market.done) return;
    ended = true;
    options.onEnd?.(time.now());
  };
  const playOn = async (times: number, one: () => boolean): Promise<Stepped> => {
    const from = market.openTime;
    for (let played = 0; played < times && one(); played += 1);
    await streams.flushed();
    tellEnd();
    return { steppedThroughMs: market.openTime === from ? null : market.openTime - 1, nowMs: time.now(), done: market.done };
  };
  const step: Simulator['step'] = (candles = 1) => playOn(candles, () => market.step());
  const stepPoints: Simulator['stepPoints'] = (points = 1) => playOn(points, () => market.stepPoint());
  const control =
    options.controlPort === null
      ? null
      : createControl({
          venue,
          accounts: accounts.map((account) => account.name),
          step: (by) => ('candles' in by ? step(by.candles) : stepPoints(by.points)),
          dropSockets(which) {
            if (which !== 'user') streams.drop();
            if (which !== 'streams') wsApi.drop();
          },
          leaveHalfOpen(which) {
            if (which !== 'user') streams.leaveHalfOpen();
            if (which !== 'streams') wsApi.leaveHalfOpen();
          },
          closeHalfOpen() {
            for (const socket of webSockets.clients) if (isHalfOpen(socket)) socket.terminate();
          },
          announceShutdown() {
            streams.announceShutdown(time.now());
            wsApi.announceShutdown(time.now());
          },
        });
  const port = await listen(server, options.port);
  const controlPort = control === null ? null : await listen(control, options.controlPort ?? 0);
  let behind = false;
  let stopped = false;
  const play = (): void => {
    behind = !stopped && market.catchUp();
    tellEnd();
    if (behind) clock.soon(play);
  };
  const player = time.pace.kind === 'stepped' ? null : clock.every(playEveryMs, () => (behind ? undefined : play()));
  return {
    restUrl: `http://127.0.0.1:${port}`,
    streamUrl: `ws://127.0.0.1:${port}`,
    wsApiUrl: `ws://127.0.0.1:${port}/ws-api/v3`,
    controlUrl: controlPort === null ? null : `http://127.0.0.1:${controlPort}`,
    now: () => time.now(),
    step,
    stepPoints,
    ledger: () =>
      readLedger(
        exchange,
        accounts.map((account) => account.name),
      ),
    faults: venue.faults,
    async stop() {
      stopped = true;
      player?.cancel();
      for (const socket of webSockets.clients) socket.terminate();
      webSockets.close();
      await closed(server);
      if (control !== null) await closed(control);
    },
  };
}

function acceptSockets(server: Server, streams: MarketStreams, wsApi: WsApi): WebSocketServer {
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: frameMax });
  server.on('upgrade', (request, socket: Socket, head) => {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    const url = readUrl(request.url);
    if (url === null) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    else if (streams.accepts(url.pathname))
      webSockets.handleUpgrade(request, socket, head, (client) => streams.connect(client, url.pathname, url.searchParams));
    else if (wsApi.accepts(url.pathname)) webSockets.handleUpgrade(request, socket, head, (client) => wsApi.connect(client));
    else socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
  });
  return webSockets;
}

/** Null for what is no URL, or is percent-encoded wrongly. */
function readUrl(text: string | undefined): { readonly pathname: string; readonly searchParams: URLSearchParams } | null {
  try {
    const { pathname, searchParams } = new URL(text ?? '/', 'ws://venue');
    return { pathname: decodeURIComponent(pathname), searchParams };
  } catch {
    return null;
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
