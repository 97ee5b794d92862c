/** The control port: steps the venue's clock, scripts faults, tells the true ledger. JSON over HTTP, loopback only. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { InstrumentStatus } from '../engine/trading/instrument.ts';
import { readLedger } from './ledger.ts';
import type { Venue } from './venue.ts';

export interface ControlOptions {
  readonly venue: Venue;
  readonly accounts: readonly string[];
  step(candles: number): Promise<{ readonly steppedThroughMs: number | null; readonly done: boolean }>;
  dropSockets(which: 'streams' | 'user' | 'all'): void;
  announceShutdown(): void;
}

const help = {
  'GET /state': 'the venue clock, its pace, how many candles are left, and how many requests came inside a ban',
  'POST /step': '{"candles": 1} plays whole candles (pace stepped only)',
  'GET /ledger': 'orders, trades and balances of every account (?account= for one)',
  'GET /faults': 'what stands',
  'POST /faults':
    '{"kind": "order-answer-lost" | "order-5xx" (executed, status) | "order-delay" (ms) | "reject-orders" (code, message) | "reads-lag" (ms) | "http-429" (retryAfterSeconds) | "mute-stream" (stream) | "mute-user-data" | "drop-sockets" (which) | "symbol-status" (symbol, status) | "server-shutdown" | "ban" (seconds), "count": 1}',
  'DELETE /faults': 'clears them',
} as const;

const statuses: readonly InstrumentStatus[] = ['TRADING', 'END_OF_DAY', 'HALT', 'BREAK', 'CANCEL_ONLY'];

class BadRequest extends Error {}

export function createControl(options: ControlOptions): Server {
  return createServer((request, response) => {
    answer(options, request).then(
      (body) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      },
      (error: unknown) => {
        const known = error instanceof BadRequest;
        if (!known) options.venue.log.error({ err: error }, 'the control port failed to answer');
        response.writeHead(known ? 400 : 500, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
      },
    );
  });
}

async function answer(options: ControlOptions, request: IncomingMessage): Promise<unknown> {
  const { venue } = options;
  const url = new URL(request.url ?? '/', 'http://control');
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /':
      return help;
    case 'GET /state':
      return {
        nowMs: venue.time.now(),
        pace: venue.time.pace,
        openTime: venue.market.openTime,
        candlesLeft: venue.market.candlesLeft,
        requestsInBan: venue.limits.requestsInBan,
      };
    case 'POST /step': {
      const { candles = 1 } = await readJson(request);
      if (typeof candles !== 'number' || !Number.isInteger(candles) || candles < 1)
        throw new BadRequest('candles: must be a whole number from 1');
      if (venue.time.pace.kind !== 'stepped')
        throw new BadRequest('the venue clock runs by itself; start the simulator with --pace stepped to step it');
      return options.step(candles);
    }
    case 'GET /ledger': {
      const asked = url.searchParams.get('account');
      if (asked !== null && !options.accounts.includes(asked)) throw new BadRequest(`account: there is no account "${asked}"`);
      return readLedger(venue.exchange, asked === null ? options.accounts : [asked]);
    }
    case 'GET /faults':
      return venue.faults.list();
    case 'POST /faults':
      return addFault(options, await readJson(request));
    case 'DELETE /faults':
      venue.faults.clear();
      return [];
    default:
      throw new BadRequest(`there is no ${request.method} ${url.pathname}; GET / lists what there is`);
  }
}

function addFault(options: ControlOptions, body: Record<string, unknown>): unknown {
  const { venue } = options;
  switch (body['kind']) {
    case 'drop-sockets': {
      const which = body['which'] ?? 'all';
      if (which !== 'streams' && which !== 'user' && which !== 'all') throw new BadRequest('which: must be streams, user or all');
      options.dropSockets(which);
      return venue.faults.list();
    }
    case 'server-shutdown':
      options.announceShutdown();
      return venue.faults.list();
    case 'ban': {
      const { seconds } = body;
      if (typeof seconds !== 'number' || !(seconds > 0)) throw new BadRequest('seconds: must be a number above 0');
      venue.limits.ban(seconds * 1_000);
      return venue.faults.list();
    }
    case 'symbol-status': {
      const { symbol, status } = body;
      if (typeof symbol !== 'string' || venue.exchange.matching.instrument(symbol) === null)
        throw new BadRequest('symbol: is not listed here');
      const wanted = statuses.find((one) => one === status);
      if (wanted === undefined) throw new BadRequest(`status: must be one of ${statuses.join(', ')}`);
      venue.exchange.matching.setStatus(symbol, wanted);
      return venue.faults.list();
    }
    default: {
      const problem = venue.faults.add(body);
      if (problem !== null) throw new BadRequest(problem);
      return venue.faults.list();
    }
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    if (chunks.length > 1_000) throw new BadRequest('the body is too large');
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new BadRequest('the body must be a JSON object');
}
