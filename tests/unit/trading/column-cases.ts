/**
 * What each column of a bot does, as two values of it and the decisions that follow from each over the same prices. A new column
 * needs a line here: the record is complete by its type, and a test compares it with the table's own columns.
 */
import type { BotColumns } from '../../../engine/trading/resolve-config.ts';
import type { Step } from './column-stage.ts';
import { d } from './given.ts';

/** Decisions that follow from a value, over the case's prices. */
type Outcome<V> = readonly [value: V, decisions: readonly string[]];

export interface ColumnCase<V = unknown> {
  /** The other columns, where they differ from the plain bot. */
  readonly given?: Partial<BotColumns>;
  readonly steps: readonly Step[];
  /** At least two, with different decisions unless `why` says that this version has none to make. */
  readonly outcomes: readonly [Outcome<V>, Outcome<V>, ...Outcome<V>[]];
  /** Why the decisions are the same whatever the column says; then `refused` is a value that no bot may have. */
  readonly without?: { readonly why: string; readonly refused: V };
}

type Cases = { readonly [K in keyof BotColumns]: ColumnCase<BotColumns[K]> };

const buy = (quantity: string, time = '00:02:59') => `${time} BUY ${quantity}: fast EMA crossed above slow EMA`;
const sell = (time: string, reason: string, quantity = '0.02475') => `${time} SELL ${quantity}: ${reason}`;

/** Crosses up at the third close: the plain bot buys 0.02475 at 20200. */
const rise: readonly Step[] = [20_000, 20_000, 20_200];
const dip: readonly Step[] = [...rise, { close: 20_200, low: 19_500 }];
const peak: readonly Step[] = [...rise, { close: 20_200, high: 21_000 }];
/** Rises to 21000, then falls to 20400: 2.86 % below the best price, and above the entry. */
const back: readonly Step[] = [...rise, { close: 20_900, high: 21_000, low: 20_900 }, { close: 20_900, low: 20_400 }];
/** Two round trips: bought at 20200 and sold at 20600, and again a while later. */
const twice: readonly Step[] = [...rise, 20_600, { close: 20_600, high: 20_806 }, 20_000, 20_400];
const zigzag: readonly Step[] = [
  20_000, 19_900, 19_950, 19_900, 20_100, 20_200, 20_100, 20_000, 20_150, 20_300, 20_200, 19_900, 19_700, 19_800,
];

const stopped = (at: string, time = '00:03:59') => sell(time, `stop-loss at ${at} was reached (average entry 20200)`);
const reached = (at: string) => sell('00:03:59', `take-profit at ${at} was reached (average entry 20200)`);
const trailed = (at: string) => sell('00:04:59', `trailing stop at ${at} was reached (best price 21000)`);

const taken = sell('00:04:59', 'take-profit at 20806 was reached (average entry 20200)');
const crossedDown = (time: string, quantity?: string) => sell(time, 'fast EMA crossed below slow EMA', quantity);
const noEntry = (time: string, why: string) => `${time} no entry until the next UTC midnight: ${why} (fast EMA crossed above slow EMA)`;
const quick = [
  buy('0.02487', '00:04:59'),
  crossedDown('00:06:59', '0.02487'),
  buy('0.02481', '00:08:59'),
  crossedDown('00:10:59', '0.02481'),
];
const slow = [buy('0.02487', '00:04:59'), crossedDown('00:07:59', '0.02487'), buy('0.02475', '00:08:59'), crossedDown('00:11:59')];
const dipBought = (quantity: string, time: string) =>
  `${time} BUY ${quantity}: close is above the trend EMA and RSI recovers from oversold`;
const trendBroke = (time: string, quantity?: string) => sell(time, 'close is below the trend EMA', quantity);
const recovered = (quantity: string, time: string) => `${time} BUY ${quantity}: RSI crossed back up through oversold`;
const faded = (time: string, quantity: string) => sell(time, 'RSI crossed down through overbought', quantity);
const firstTrip = [recovered('0.02487', '00:04:59'), faded('00:06:59', '0.02487')];
const threeTimes = [...firstTrip, recovered('0.02481', '00:08:59'), faded('00:10:59', '0.02481'), recovered('0.02528', '00:13:59')];
const twoTimes = [...firstTrip, recovered('0.02525', '00:13:59')];
const stillOpen = (time: string) => `${time} no entry: a position is open (RSI crossed back up through oversold)`;
const neverSold = [recovered('0.02487', '00:04:59'), stillOpen('00:08:59'), stillOpen('00:13:59')];

export const columnCases: Cases = {
  name: {
    steps: dip,
    outcomes: [
      ['one', [buy('0.02475')]],
      ['two', [buy('0.02475')]],
    ],
    without: { why: 'a name is for people', refused: ' ' },
  },
  symbol: {
    steps: rise,
    outcomes: [
      ['BTCUSDT', [buy('0.02475')]],
      ['SOLUSDT', [buy('0.024')]],
    ],
  },
  timeframe: {
    steps: rise,
    outcomes: [
      ['1m', [buy('0.02475')]],
      ['1h', [buy('0.02475', '02:59:59')]],
    ],
  },
  strategy: {
    given: { rsiPeriod: 2 },
    steps: zigzag.slice(0, 8),
    outcomes: [
      ['ema_cross', [buy('0.02487', '00:04:59'), sell('00:06:59', 'fast EMA crossed below slow EMA', '0.02487')]],
      [
        'rsi',
        ['00:04:59 BUY 0.02487: RSI crossed back up through oversold', sell('00:06:59', 'RSI crossed down through overbought', '0.02487')],
      ],
      ['ema_rsi', []],
    ],
  },
  initialCapital: {
    steps: rise,
    outcomes: [
      [d(1_000), [buy('0.02475')]],
      [d(2_000), [buy('0.0495')]],
    ],
  },
  positionSizePerc: {
    steps: rise,
    outcomes: [
      [50, [buy('0.02475')]],
      [25, [buy('0.01237')]],
    ],
  },
  positionSizeFixed: {
    steps: rise,
    outcomes: [
      [null, [buy('0.02475')]],
      [d(100), [buy('0.00495')]],
    ],
  },
  stopLossPerc: {
    steps: dip,
    outcomes: [
      [null, [buy('0.02475')]],
      [2, [buy('0.02475'), stopped('19796')]],
      [3, [buy('0.02475'), stopped('19594')]],
      [5, [buy('0.02475')]],
    ],
  },
  takeProfitPerc: {
    steps: peak,
    outcomes: [
      [null, [buy('0.02475')]],
      [2, [buy('0.02475'), reached('20604')]],
      [5, [buy('0.02475')]],
    ],
  },
  trailingStopPerc: {
    given: { trailingStopActive: true },
    steps: back,
    outcomes: [
      [2, [buy('0.02475'), trailed('20580')]],
      [3, [buy('0.02475')]],
    ],
  },
  trailingStopActive: {
    given: { trailingStopPerc: 2 },
    steps: back,
    outcomes: [
      [true, [buy('0.02475'), trailed('20580')]],
      [false, [buy('0.02475')]],
    ],
  },
  dailyTargetPerc: {
    given: { takeProfitPerc: 3 },
    steps: twice,
    outcomes: [
      [null, [buy('0.02475'), taken, buy('0.02475', '00:06:59')]],
      [1, [buy('0.02475'), taken, buy('0.02475', '00:06:59')]],
      [0.9, [buy('0.02475'), taken, noEntry('00:06:59', "the day's profit of 9.90 reached the target")]],
    ],
  },
  maxDailyLossPerc: {
    steps: [...rise, { close: 20_200, ticks: [[30, 19_700]] }, 20_000, 20_400],
    outcomes: [
      [null, [buy('0.02475'), crossedDown('00:04:59'), buy('0.02438', '00:05:59')]],
      [2, [buy('0.02475'), crossedDown('00:04:59'), buy('0.02438', '00:05:59')]],
      [
        1,
        [
          buy('0.02475'),
          sell('00:03:30', "the day's loss reached 1 % of 1000.00"),
          noEntry('00:05:59', "the day's loss reached 1 % of 1000.00"),
        ],
      ],
    ],
  },
  maxDailyTrades: {
    steps: zigzag,
    outcomes: [
      [null, quick],
      [2, quick],
      [1, [buy('0.02487', '00:04:59'), crossedDown('00:06:59', '0.02487'), noEntry('00:08:59', '1 of 1 entries were made today')]],
    ],
  },
  checkIntervalSeconds: {
    given: { stopLossPerc: 2 },
    steps: [
      ...rise,
      {
        close: 20_200,
        ticks: [
          [9, 19_790],
          [10, 19_780],
          [11, 19_770],
        ],
      },
    ],
    outcomes: [
      [1, [buy('0.02475'), stopped('19796', '00:03:09')]],
      [10, [buy('0.02475'), stopped('19796', '00:03:10')]],
      [11, [buy('0.02475'), stopped('19796', '00:03:11')]],
      [60, [buy('0.02475')]],
    ],
  },
  emaFast: {
    given: { emaSlow: 3 },
    steps: zigzag,
    outcomes: [
      [1, quick],
      [2, slow],
    ],
  },
  emaSlow: {
    steps: zigzag,
    outcomes: [
      [2, quick],
      [4, slow],
    ],
  },
  emaPeriod: {
    given: { strategy: 'ema_trend_rsi', rsiPeriod: 2, rsiOverbought: 100 },
    steps: zigzag,
    outcomes: [
      [5, [dipBought('0.02487', '00:04:59'), trendBroke('00:07:59', '0.02487'), dipBought('0.02475', '00:08:59'), trendBroke('00:11:59')]],
      [8, [dipBought('0.02481', '00:08:59'), trendBroke('00:11:59', '0.02481')]],
    ],
  },
  rsiPeriod: {
    given: { strategy: 'rsi' },
    steps: zigzag,
    outcomes: [
      [2, threeTimes],
      [3, twoTimes],
    ],
  },
  rsiOversold: {
    given: { strategy: 'rsi', rsiPeriod: 2 },
    steps: zigzag,
    outcomes: [
      [30, threeTimes],
      [20, twoTimes],
      [10, [recovered('0.02525', '00:13:59')]],
    ],
  },
  rsiOverbought: {
    given: { strategy: 'rsi', rsiPeriod: 2 },
    steps: zigzag,
    outcomes: [
      [70, threeTimes],
      [90, neverSold],
    ],
  },
  customEmaFast: {
    given: { emaSlow: 3 },
    steps: zigzag,
    outcomes: [
      [null, quick],
      [2, slow],
    ],
  },
  customEmaSlow: {
    steps: zigzag,
    outcomes: [
      [null, quick],
      [4, slow],
    ],
  },
  customRsiPeriod: {
    given: { strategy: 'rsi', rsiPeriod: 2 },
    steps: zigzag,
    outcomes: [
      [null, threeTimes],
      [3, twoTimes],
    ],
  },
  customRsiOversold: {
    given: { strategy: 'rsi', rsiPeriod: 2 },
    steps: zigzag,
    outcomes: [
      [null, threeTimes],
      [20, twoTimes],
    ],
  },
  customRsiOverbought: {
    given: { strategy: 'rsi', rsiPeriod: 2 },
    steps: zigzag,
    outcomes: [
      [null, threeTimes],
      [90, neverSold],
    ],
  },
  customStopLoss: {
    given: { stopLossPerc: 2 },
    steps: dip,
    outcomes: [
      [null, [buy('0.02475'), stopped('19796')]],
      [3, [buy('0.02475'), stopped('19594')]],
      [5, [buy('0.02475')]],
    ],
  },
  customTakeProfit: {
    given: { takeProfitPerc: 5 },
    steps: peak,
    outcomes: [
      [null, [buy('0.02475')]],
      [2, [buy('0.02475'), reached('20604')]],
    ],
  },
  customTrailingStop: {
    given: { trailingStopPerc: 2, trailingStopActive: true },
    steps: back,
    outcomes: [
      [null, [buy('0.02475'), trailed('20580')]],
      [3, [buy('0.02475')]],
    ],
  },
  positionType: {
    steps: rise,
    outcomes: [
      ['spot', [buy('0.02475')]],
      ['spot', [buy('0.02475')]],
    ],
    without: { why: 'this version trades spot only, and refuses the rest', refused: 'futures' },
  },
  direction: {
    steps: rise,
    outcomes: [
      ['long', [buy('0.02475')]],
      ['short', ['00:02:59 no entry: the bot only goes short, and the signal is to go long (fast EMA crossed above slow EMA)']],
    ],
  },
  leverage: {
    steps: rise,
    outcomes: [
      [1, [buy('0.02475')]],
      [125, [buy('0.02475')]],
    ],
    without: { why: 'spot has no leverage', refused: 126 },
  },
};
