/**
 * The control port: steps the venue's clock, scripts faults, tells the true ledger. JSON over HTTP, loopback only, and for programs:
 * what a page of another site makes a browser send is refused.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Instrument, InstrumentStatus } from '../engine/trading/instrument.ts';
import { keyRights } from './accounts.ts';
import { changeFilters, filterNames } from './change-filters.ts';
import { faultHelp } from './faults.ts';
import { readLedger } from './ledger.ts';
import type { Venue } from './venue.ts';

export interface Stepped {
  /** Close time of the newest candle that was closed; null when none was. */
  readonly steppedThroughMs: number | null;
  readonly nowMs: number;
  readonly done: boolean;
}

type Which = 'streams' | 'user' | 'all';

export interface ControlOptions {
  readonly venue: Venue;
  readonly accounts: readonly string[];
  step(by: { readonly candles: number } | { readonly points: number }): Promise<Stepped>;
  dropSockets(which: Which): void;
  leaveHalfOpen(which: Which): void;
  closeHalfOpen(): void;
  announceShutdown(): void;
}

const help = {
  'GET /state':
    'the venue clock, its pace, how many candles are left, how many requests came inside a ban, and how many by REST were to change the books',
  'POST /step':
    '{"candles": 1} plays whole candles, {"points": 1} tenths of one, each at its own venue time (pace stepped only); wait in between for what you test: who signs by the time before a step is late after it',
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

class Refused extends Error {
  readonly status: number;
  constructor(message: string, status = 400) {
    super(message);
    this.status = status;
  }
}

export function createControl(options: ControlOptions): Server {
  return createServer((request, response) => {
    answer(options, request).then(
      (body) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      },
      (error: unknown) => {
        const known = error instanceof Refused;
        if (!known) options.venue.log.error({ err: error }, 'the control port failed to answer');
        response.writeHead(known ? error.status : 500, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
      },
    );
  });
}

async function answer(options: ControlOptions, request: IncomingMessage): Promise<unknown> {
  const { venue } = options;
  refuseBrowsers(request);
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
      const { candles, points } = await readJson(request);
      if (candles !== undefined && points !== undefined) throw new Refused('candles, points: only one of them');
      const count = numberOf(points === undefined ? 'candles' : 'points', points ?? candles ?? 1, 1);
      if (venue.time.pace.kind !== 'stepped')
        throw new Refused('the venue clock runs by itself; start the simulator with --pace stepped to step it');
      if (venue.market.done) throw new Refused('the recording has ended: there is nothing left to play', 409);
      return options.step(points === undefined ? { candles: count } : { points: count });
    }
    case 'GET /ledger': {
      const asked = url.searchParams.get('account');
      if (asked !== null && !options.accounts.includes(asked)) throw new Refused(`account: there is no account "${asked}"`);
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
      throw new Refused(`there is no ${request.method} ${url.pathname}; GET / lists what there is`);
  }
}

const loopback = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;

/**
 * A page of another site reaches loopback by three ways: a form or script that posts plain text, which needs nobody's leave; a
 * request that names its origin; and a name of its own that it lets point here.
 */
function refuseBrowsers({ method, headers }: IncomingMessage): void {
  const { host = '', origin } = headers;
  if (!loopback.test(host)) throw new Refused(`host: "${host}" is not this machine's loopback address`, 403);
  if (origin !== undefined && origin !== `http://${host}`) throw new Refused(`origin: "${origin}" may not use the control port`, 403);
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  const empty = headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';
  if (method === 'POST' && type !== 'application/json' && !(empty && type === ''))
    throw new Refused('content-type: must be application/json', 415);
}

function addFault(options: ControlOptions, body: Record<string, unknown>): unknown {
  const { faults } = options.venue;
  if (!actAtOnce(options, body)) {
    const problem = faults.add(body);
    if (problem !== null) throw new Refused(problem);
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
      if (wanted === undefined) throw new Refused(`status: must be one of ${statuses.join(', ')}`);
      exchange.setStatus(symbol, wanted);
      return true;
    }
    case 'change-filters': {
      const changed = changeFilters(instrumentOf(options, body), body['filters']);
      if (typeof changed === 'string') throw new Refused(changed);
      exchange.matching.replaceInstrument(changed);
      return true;
    }
    case 'key-rights': {
      const { account, ...named } = body;
      const rights = Object.entries(named).filter(([name]) => name !== 'kind');
      const wrong = rights.find(([name, value]) => !keyRights.some((right) => right === name) || typeof value !== 'boolean');
      if (wrong !== undefined) throw new Refused(`${wrong[0]}: must be true or false of one of ${keyRights.join(', ')}`);
      if (typeof account !== 'string' || !options.venue.keyring.changeRights(account, Object.fromEntries(rights)))
        throw new Refused(`account: must be one of ${options.accounts.join(', ')}`);
      return true;
    }
    default:
      return false;
  }
}

function whichOf({ which = 'all' }: Record<string, unknown>): Which {
  if (which !== 'streams' && which !== 'user' && which !== 'all') throw new Refused('which: must be streams, user or all');
  return which;
}

function numberOf(name: string, value: unknown, least: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > 86_400_000)
    throw new Refused(`${name}: must be a whole number from ${least} to 86400000`);
  return value;
}

function instrumentOf({ venue }: ControlOptions, { symbol }: Record<string, unknown>): Instrument {
  const instrument = typeof symbol === 'string' ? venue.exchange.matching.instrument(symbol) : null;
  if (instrument === null) throw new Refused('symbol: is not listed here');
  return instrument;
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    if (chunks.length > 1_000) throw new Refused('the body is too large');
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new Refused('the body must be a JSON object');
}
