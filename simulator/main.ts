/** The simulator's command line. */
import { createPublicKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createLog } from '../engine/observe/log.ts';
import { systemClock } from '../engine/time/clock.ts';
import { isTimeframe, timeframeMs } from '../engine/trading/candle.ts';
import type { Timeframe } from '../engine/trading/candle.ts';
import type { SimulatedAccount } from './accounts.ts';
import { FuelError } from './fuel.ts';
import type { Fuel } from './fuel.ts';
import { generatedFuel } from './generator.ts';
import { quoteAssetOf } from './instruments.ts';
import { recordedFuel } from './recorded.ts';
import { defaultLimits } from './limits.ts';
import { startSimulator } from './simulator.ts';
import type { Pace } from './venue-time.ts';

const help = `A spot exchange that speaks Binance's wire: REST, streams, WebSocket API; one port. A control port beside it
steps its clock, scripts faults and tells its true ledger (GET / there lists how).

Examples
  npm run simulator                                             a made-up market at the pace of the wall clock
  npm run simulator -- --fuel recorded:candles.csv.gz --symbol DOGEUSDT --pace 60x
  npm run simulator -- --fuel recorded:candles.csv --pace stepped --history 500
  npm run simulator -- --account me:KEY:SECRET:USDT=5000,BTC=0.1

Options
  --port N            port of the exchange (default 9900; 0 takes a free one)
  --control-port N    port of the control plane (default 9901; 0 takes a free one)
  --fuel F            generated (default), or recorded:PATH: a CSV, plain or gzip, with the columns
                      open_time,open,high,low,close,volume (open_time in ms UTC, no gaps). Tick and step fit its prices;
                      when it ends, the market stands still and a line says so
  --symbols A,B       symbols of the generated market (default BTCUSDT,ETHUSDT,SOLUSDT)
  --symbol S          the symbol of the recording (default: its file's name up to the first dash), or the only generated one
  --timeframe T       length of the fuel's candles (default 1s generated, 1m recorded)
  --seed N            makes the generated market and the prices inside candles (default 7)
  --pace P            real (default), 10x or any Nx, or stepped: only the control port moves the clock
  --history N         candles of a recording that are past at the start (default 500, or half of a short one)
  --start T           time at which a generated market starts, such as 2026-01-05T00:00Z (default now): the same
                      seed and start make the same candles
  --account A         name:KEY:SECRET:ASSET=AMOUNT,... ; may be given several times (default: one account, printed).
                      SECRET is an HMAC secret, or @PATH of a PEM file with an Ed25519 public key
  --fee F             maker and taker fee as a fraction, 0.1 at most (default 0.001, which is 0.1 %)
  --spread-ticks N    distance of bid and ask from the price (default 0)
  --liquidity Q       base that one order can take at one price (default unlimited)
  --orders-per-10s N  order limit of an account (default 100, as at Binance)
  --weight-per-minute N  request weight limit of an IP (default 6000, as at Binance)
  --log-level L       trace, debug, info, warn (default), error
  -h, --help          this text
`;

class UsageError extends Error {}

const options = {
  port: { type: 'string', default: '9900' },
  'control-port': { type: 'string', default: '9901' },
  fuel: { type: 'string', default: 'generated' },
  symbols: { type: 'string' },
  symbol: { type: 'string' },
  timeframe: { type: 'string' },
  seed: { type: 'string', default: '7' },
  pace: { type: 'string', default: 'real' },
  history: { type: 'string' },
  start: { type: 'string' },
  account: { type: 'string', multiple: true },
  fee: { type: 'string', default: '0.001' },
  'spread-ticks': { type: 'string', default: '0' },
  liquidity: { type: 'string' },
  'orders-per-10s': { type: 'string', default: '100' },
  'weight-per-minute': { type: 'string', default: '6000' },
  'log-level': { type: 'string', default: 'warn' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

type Values = ReturnType<typeof parse>;

function parse() {
  try {
    return parseArgs({ options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(name: string, text: string, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0 || value > most)
    throw new UsageError(`--${name}: "${text}" is not a whole number from 0 to ${most}`);
  return value;
}

function readTimeframe(text: string): Timeframe {
  if (!isTimeframe(text)) throw new UsageError(`--timeframe: "${text}" does not exist`);
  return text;
}

function readSymbols({ symbol, symbols }: Values): readonly string[] | null {
  if (symbol !== undefined && symbols !== undefined) throw new UsageError('--symbol, --symbols: only one of them');
  const names = (symbol ?? symbols)
    ?.split(',')
    .map((name) => name.trim().toUpperCase())
    .filter((name) => name !== '');
  if (names === undefined) return null;
  const odd = names.find((name) => quoteAssetOf(name) === null);
  if (odd !== undefined) throw new UsageError(`--symbol: "${odd}" does not end with a quote asset that is known here, such as USDT`);
  if (names.length === 0 || (symbol !== undefined && names.length > 1)) throw new UsageError('--symbol: name one symbol');
  return names;
}

function readFuel(values: Values): Fuel {
  const symbols = readSymbols(values);
  if (values.fuel === 'generated') {
    if (values.history !== undefined) throw new UsageError('--history: a generated market has all the past there is');
    return generatedFuel({
      seed: wholeNumber('seed', values.seed, 2 ** 31 - 1),
      symbols: symbols ?? ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'],
      baseTimeframe: readTimeframe(values.timeframe ?? '1s'),
    });
  }
  if (!values.fuel.startsWith('recorded:')) throw new UsageError(`--fuel: "${values.fuel}" is neither generated nor recorded:PATH`);
  if (symbols !== null && symbols.length > 1) throw new UsageError(`--symbols: a recording is of one symbol, not of ${symbols.join(', ')}`);
  const path = values.fuel.slice('recorded:'.length);
  const fuel = recordedFuel(path, readTimeframe(values.timeframe ?? '1m'), symbols?.[0]);
  const [symbol = ''] = fuel.symbols;
  if (quoteAssetOf(symbol) === null)
    throw new UsageError(`--fuel: "${symbol}", by the name of its file, is no symbol that is known here; name it with --symbol`);
  return fuel;
}

/** Candles of a recording that are past at the start. */
function readHistory({ history }: Values, { firstOpenTime, lastOpenTime, baseTimeframe }: Fuel): number {
  if (firstOpenTime === null || lastOpenTime === null) return 0;
  // The last one has no next open, so it never closes.
  const playable = Math.round((lastOpenTime - firstOpenTime) / timeframeMs[baseTimeframe]);
  if (history === undefined) return Math.min(500, Math.floor(playable / 2));
  const asked = wholeNumber('history', history, 1e9);
  if (asked >= playable)
    throw new UsageError(
      `--history: ${asked} candles are past and the recording has ${playable + 1}: at most ${playable - 1} leave one to play`,
    );
  return asked;
}

/** The start of a generated market in UTC ms; null leaves it to the clock. */
function readStart({ start, fuel }: Values): number | null {
  if (start === undefined) return null;
  if (fuel !== 'generated') throw new UsageError('--start: a recording starts where its --history ends');
  const atMs = Date.parse(start);
  if (!/Z$/.test(start) || !(atMs > 0)) throw new UsageError(`--start: "${start}" is not a time such as 2026-01-05T00:00Z`);
  return atMs;
}

function readPace(text: string): Pace {
  if (text === 'real' || text === 'stepped') return { kind: text };
  const factor = /^(\d+(?:\.\d+)?)x$/.exec(text)?.[1];
  if (factor === undefined || !(Number(factor) > 0)) throw new UsageError(`--pace: "${text}" is none of real, stepped, 10x`);
  return { kind: 'times', factor: Number(factor) };
}

function readAccount(text: string): SimulatedAccount {
  const [name = '', apiKey = '', secret = '', deposits = ''] = text.split(':');
  if (name === '' || apiKey === '' || secret === '')
    throw new UsageError(`--account: "${name}" must have the form name:KEY:SECRET:ASSET=AMOUNT,...`);
  const amounts = deposits.split(',').filter((part) => part !== '');
  for (const part of amounts)
    if (!/^[A-Z0-9]+=\d+(\.\d+)?$/.test(part)) throw new UsageError(`--account ${name}: "${part}" must have the form ASSET=AMOUNT`);
  return {
    name,
    apiKey,
    secret: secret.startsWith('@') ? readPublicKey(name, secret.slice(1)) : { kind: 'hmac', secret },
    deposits: Object.fromEntries(amounts.map((part) => part.split('='))) as Record<string, string>,
  };
}

function readPublicKey(name: string, path: string): SimulatedAccount['secret'] {
  try {
    const publicKeyPem = readFileSync(path, 'utf8');
    const type = createPublicKey(publicKeyPem).asymmetricKeyType;
    if (type !== 'ed25519') throw new Error(`it holds a key of type ${type ?? 'unknown'}`);
    return { kind: 'ed25519', publicKeyPem };
  } catch (error) {
    throw new UsageError(
      `--account ${name}: "${path}" is no Ed25519 public key: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function decimal(name: string, text: string): string {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`--${name}: "${text}" is not a decimal number`);
  return text;
}

const feeMax = 0.1;

function readFee(text: string): string {
  const fee = decimal('fee', text);
  if (Number(fee) > feeMax)
    throw new UsageError(`--fee: "${text}" is ${Number(fee) * 100} %; it is a fraction (0.001 is 0.1 %), ${feeMax} at most`);
  return fee;
}

async function main(): Promise<void> {
  const values = parse();
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const given = (values.account ?? []).map(readAccount);
  const startMs = readStart(values);
  const fuel = readFuel(values);
  const quoteAsset = quoteAssetOf(fuel.symbols[0] ?? '') ?? 'USDT';
  const fee = readFee(values.fee);
  const made: SimulatedAccount = {
    name: 'main',
    apiKey: randomBytes(32).toString('hex'),
    secret: { kind: 'hmac', secret: randomBytes(32).toString('hex') },
    deposits: { [quoteAsset]: '100000' },
  };
  const simulator = await startSimulator({
    clock: systemClock,
    log: createLog({ level: values['log-level'] }),
    port: wholeNumber('port', values.port, 65_535),
    controlPort: wholeNumber('control-port', values['control-port'], 65_535),
    fuel,
    pace: readPace(values.pace),
    accounts: given.length === 0 ? [made] : given,
    seed: wholeNumber('seed', values.seed, 2 ** 31 - 1),
    history: readHistory(values, fuel),
    ...(startMs === null ? {} : { startMs }),
    fees: { maker: fee, taker: fee },
    onEnd: (atMs) => process.stdout.write(`The recording has ended at ${new Date(atMs).toISOString()}: the market stands still.\n`),
    spreadTicks: wholeNumber('spread-ticks', values['spread-ticks'], 1e6),
    limits: {
      ...defaultLimits,
      ordersPer10s: wholeNumber('orders-per-10s', values['orders-per-10s'], 1e9),
      weightPerMinute: wholeNumber('weight-per-minute', values['weight-per-minute'], 1e9),
    },
    liquidity: values.liquidity === undefined ? null : decimal('liquidity', values.liquidity),
  });
  process.stdout.write(`Simulator is ready: ${simulator.restUrl} (control ${simulator.controlUrl ?? 'none'})\n`);
  if (given.length === 0 && made.secret.kind === 'hmac')
    process.stdout.write(`Account main: key ${made.apiKey}, secret ${made.secret.secret}, 100000 ${quoteAsset}\n`);
  const end = (): void => void simulator.stop().finally(() => process.exit(0));
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

try {
  await main();
} catch (error) {
  const usage = error instanceof UsageError || error instanceof FuelError;
  process.stderr.write(
    `${usage ? `${error.message}\nSee --help.` : `The simulator could not start: ${error instanceof Error ? error.message : String(error)}`}\n`,
  );
  process.exit(usage ? 2 : 1);
}
