/** The control port: steps the venue's clock, scripts faults, tells the true ledger. JSON over HTTP, loopback only. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Instrument, InstrumentStatus } from '../engine/trading/instrument.ts';
import { keyRights } from './accounts.ts';
import { changeFilters, filterNames } from './change-filters.ts';
import { faultHelp } from './faults.ts';
import { readLedger } from './ledger.ts';
import type { Venue } from './venue.ts';

type Which = 'streams' | 'user' | 'all';

export interface ControlOptions {
  readonly venue: Venue;
  readonly accounts: readonly string[];
  step(candles: number): Promise<{ readonly steppedThroughMs: number | null; readonly done: boolean }>;
  dropSockets(which: Which): void;
  leaveHalfOpen(which: Which): void;
  closeHalfOpen(): void;
  announceShutdown(): void;
}

const help = {
  'GET /state':
    'the venue clock, its pace, how many candles are left, how many requests came inside a ban, and how many by REST were to change the books',
  'POST /step': '{"candles": 1} plays whole candles (pace stepped only)',
  'GET /ledger': 'orders, trades and balances of every account (?account= for one)',
  'GET /faults': 'what stands',
  'POST /faults':
    '{"kind": one of faults, "count": 1, "skip": 0, fields of the kind} stands for the next count of what it concerns, after skip of them; {"kind": one of actions, fields} happens at once',
  'DELETE /faults': 'clears what stands, lifts a ban, sets the clock right, closes half-open sockets',
  faults: faultHelp,
  'fields action and symbol of faults': 'action: place (default; an order or a list), cancel or cancel-replace; symbol: one symbol only',
  actions: {
    'drop-sockets': 'cuts connections; which: streams, user or all (default)',
    'half-open': 'connections there are fall silent without a close: no data, pings or pongs; which: as above',
    'server-shutdown': 'announces serverShutdown on every connection',
    'http-418': 'bans the address for seconds of venue time (default 120)',
    'clock-offset': 'the time that the venue tells and judges signed requests by is off by ms from its market clock',
    'symbol-status':
      'symbol, status: TRADING, HALT, BREAK, CANCEL_ONLY, END_OF_DAY, or DELISTED (cancels what is open and lists it no more)',
    'key-rights': `account, and true or false for any of ${keyRights.join(', ')}: what its key may do from now on`,
    'change-filters': `symbol, filters: {${filterNames.join(', ')}} as exchangeInfo names them`,
  },
} as const;

const statuses: readonly InstrumentStatus[] = ['TRADING', 'END_OF_DAY', 'HALT', 'BREAK', 'CANCEL_ONLY', 'DELISTED'];

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
        actions: venue.limits.actions,
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
      venue.limits.lift();
      venue.time.offset = 0;
      options.closeHalfOpen();
      return [];
    default:
      throw new BadRequest(`there is no ${request.method} ${url.pathname}; GET / lists what there is`);
  }
}

function addFault(options: ControlOptions, body: Record<string, unknown>): unknown {
  const { faults } = options.venue;
  if (!actAtOnce(options, body)) {
    const problem = faults.add(body);
    if (problem !== null) throw new BadRequest(problem);
  }
  return faults.list();
}

/** False when the body names none of the actions. */
function actAtOnce(options: ControlOptions, body: Record<string, unknown>): boolean {
  const { limits, time, exchange } = options.venue;
  switch (body['kind']) {
    case 'drop-sockets':
      options.dropSockets(whichOf(body));
      return true;
    case 'half-open':
      options.leaveHalfOpen(whichOf(body));
      return true;
    case 'server-shutdown':
      options.announceShutdown();
      return true;
    case 'http-418':
      limits.ban(numberOf('seconds', body['seconds'] ?? 120, 1));
      return true;
    case 'clock-offset':
      time.offset = numberOf('ms', body['ms'], -86_400_000);
      return true;
    case 'symbol-status': {
      const wanted = statuses.find((one) => one === body['status']);
      const { symbol } = instrumentOf(options, body);
      if (wanted === undefined) throw new BadRequest(`status: must be one of ${statuses.join(', ')}`);
      exchange.setStatus(symbol, wanted);
      return true;
    }
    case 'change-filters': {
      const changed = changeFilters(instrumentOf(options, body), body['filters']);
      if (typeof changed === 'string') throw new BadRequest(changed);
      exchange.matching.replaceInstrument(changed);
      return true;
    }
    case 'key-rights': {
      const { account, ...named } = body;
      const rights = Object.entries(named).filter(([name]) => name !== 'kind');
      const wrong = rights.find(([name, value]) => !keyRights.some((right) => right === name) || typeof value !== 'boolean');
      if (wrong !== undefined) throw new BadRequest(`${wrong[0]}: must be true or false of one of ${keyRights.join(', ')}`);
      if (typeof account !== 'string' || !options.venue.keyring.changeRights(account, Object.fromEntries(rights)))
        throw new BadRequest(`account: must be one of ${options.accounts.join(', ')}`);
      return true;
    }
    default:
      return false;
  }
}

function whichOf({ which = 'all' }: Record<string, unknown>): Which {
  if (which !== 'streams' && which !== 'user' && which !== 'all') throw new BadRequest('which: must be streams, user or all');
  return which;
}

function numberOf(name: string, value: unknown, least: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > 86_400_000)
    throw new BadRequest(`${name}: must be a whole number from ${least} to 86400000`);
  return value;
}

function instrumentOf({ venue }: ControlOptions, { symbol }: Record<string, unknown>): Instrument {
  const instrument = typeof symbol === 'string' ? venue.exchange.matching.instrument(symbol) : null;
  if (instrument === null) throw new BadRequest('symbol: is not listed here');
  return instrument;
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
