/** The bots, instruments and money of a schedule, made from its seed. */
import { Decimal } from 'decimal.js';
import type { BotConfigRow } from '../../engine/persistence/bot-rows.ts';
import type { FeeSchedule } from '../../engine/matching/matching.ts';
import { defaultColumns } from '../../engine/trading/bot-columns.ts';
import { instrumentOf, referencePriceOf } from '../../simulator/instruments.ts';
import { venueName } from './exchange-link.ts';
import { longerTimeframe } from './price-feed.ts';
import type { SymbolPath } from './price-feed.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';

const symbols = ['BTCUSDT', 'ETHUSDT'] as const;
const initialCapital = new Decimal(10_000);

export function symbolsOf(random: Random): readonly SymbolPath[] {
  return symbols.slice(0, random.whole(1, symbols.length)).map((symbol) => ({ symbol, base: referencePriceOf(symbol) }));
}

export const instrumentsOf = (paths: readonly SymbolPath[]) => paths.map(({ symbol }) => instrumentOf(symbol));

/** What a bot trades by; the periods are short, for storms are. */
type Trades = Pick<BotConfigRow['columns'], 'strategy' | 'timeframe'> & Partial<BotConfigRow['columns']>;

const strategiesOfAll: readonly ((random: Random) => Omit<Trades, 'timeframe'>)[] = [
  (random) => ({ strategy: 'ema_cross', emaFast: 1, emaSlow: random.whole(2, 3) }),
  () => ({ strategy: 'rsi', rsiPeriod: 2, rsiOversold: 50, rsiOverbought: 80 }),
  (random) => ({ strategy: 'ema_rsi', emaFast: 1, emaSlow: random.whole(2, 3), rsiPeriod: 2, rsiOverbought: 95 }),
  (random) => ({ strategy: 'ema_trend_rsi', emaPeriod: random.whole(2, 3), rsiPeriod: 2, rsiOversold: 50, rsiOverbought: 95 }),
];
const longerShare = 0.25;

function mixedTrades(random: Random): Trades {
  return { ...random.pick(strategiesOfAll)(random), timeframe: random.chance(longerShare) ? longerTimeframe : '1m' };
}

/** Holds until its stop or its target, and a short storm's prices reach neither as a rule. */
const patient: Trades = {
  strategy: 'rsi',
  timeframe: '1m',
  rsiPeriod: 2,
  rsiOversold: 50,
  rsiOverbought: 100,
  positionSizePerc: 90,
  stopLossPerc: 2,
  takeProfitPerc: 2,
  trailingStopActive: false,
  maxDailyLossPerc: null,
};
/** The first so many of the bots that are neighbours. */
const patientBots = 2;

export interface BotsOptions extends Pick<Schedule, 'mixed' | 'neighbours'> {
  readonly checkIntervalSeconds: number;
  /** The day's loss that those who have a limit may make, percent. */
  readonly lossPerc: number;
}

export function botsOf(
  random: Random,
  paths: readonly SymbolPath[],
  { mixed = false, neighbours = false, checkIntervalSeconds, lossPerc }: BotsOptions,
): readonly BotConfigRow[] {
  const count = random.whole(3, 5);
  return Array.from({ length: count }, (_, index): BotConfigRow => {
    const { symbol } = random.pick(paths);
    const stops = random.chance(0.6);
    const target = stops && random.chance(0.4);
    const trades = mixed ? mixedTrades(random.branch(`trades ${index}`)) : {};
    return {
      id: String(index + 1),
      userId: '1',
      version: 1,
      mode: 'live',
      venue: venueName,
      columns: {
        ...defaultColumns,
        name: `bot ${index + 1}`,
        symbol,
        timeframe: '1m',
        strategy: 'ema_cross',
        initialCapital,
        checkIntervalSeconds,
        positionSizePerc: random.whole(20, 95),
        emaFast: 1,
        emaSlow: random.whole(2, 3),
        stopLossPerc: stops ? 0.25 : null,
        takeProfitPerc: target ? 0.3 : null,
        trailingStopActive: stops && random.chance(target ? 0.2 : 0.7),
        trailingStopPerc: 0.3,
        maxDailyLossPerc: random.chance(0.2) ? lossPerc : null,
        ...trades,
        ...(neighbours ? { symbol: paths[0]?.symbol ?? symbol, ...(index < patientBots ? patient : {}) } : {}),
      },
    };
  });
}

/** A bot that no engine can start: its strategy does not exist. */
export function poisonBot([first]: readonly BotConfigRow[]): BotConfigRow {
  if (first === undefined) throw new RangeError('a poisoned bot is made from another one');
  return { ...first, id: '99', columns: { ...first.columns, name: 'poison', strategy: 'no_such_strategy' } };
}

export function feesOf(random: Random): FeeSchedule {
  const rates = { maker: new Decimal('0.001'), taker: new Decimal('0.001') };
  return random.chance(0.8)
    ? { ...rates, asset: 'received' }
    : { ...rates, asset: { name: 'BNB', priceInQuote: new Decimal(600), discount: new Decimal('0.75') } };
}

const scarceShare = 0.3;

/** What else is on the account: coins of others, which no bot may sell, and money to trade with, which is not always enough for all bots. */
export function depositsOf(random: Random): Readonly<Record<string, Decimal>> {
  return {
    USDT: new Decimal(random.chance(scarceShare) ? random.whole(6_000, 30_000) : 1_000_000),
    BTC: new Decimal('0.7'),
    ETH: new Decimal('3.1'),
    BNB: new Decimal(100),
  };
}
