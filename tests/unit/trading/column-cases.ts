/**
 * What each column of a bot does, as two values of it and the decisions that follow from each over the same prices. A new column
 * needs a line here: the record is complete by its type, and a test compares it with the table's own columns.
 */
import type { TradingColumns } from '../../../engine/trading/bot-columns.ts';
import { buy, crossedDown, quick, rise, sell, zigzag } from './column-case.ts';
import type { CasesOf } from './column-case.ts';
import type { Step } from './column-stage.ts';
import { d } from './given.ts';
import { protectionCases } from './protection-column-cases.ts';
import { strategyCases } from './strategy-column-cases.ts';

const dip: readonly Step[] = [...rise, { close: 20_200, low: 19_500 }];
const peak: readonly Step[] = [...rise, { close: 20_200, high: 21_000 }];
/** Rises to 21000, then falls to 20400: 2.86 % below the best price, and above the entry. */
const back: readonly Step[] = [...rise, { close: 20_900, high: 21_000, low: 20_900 }, { close: 20_900, low: 20_400 }];
/** Two round trips: bought at 20200 and sold at 20600, and again a while later. */
const twice: readonly Step[] = [...rise, 20_600, { close: 20_600, high: 20_806 }, 20_000, 20_400];

const stopped = (at: string, time = '00:03:59') => sell(time, `stop-loss at ${at} was reached (average entry 20200)`);
const reached = (at: string) => sell('00:03:59', `take-profit at ${at} was reached (average entry 20200)`);
const trailed = (at: string) => sell('00:04:59', `trailing stop at ${at} was reached (best price 21000)`);

const taken = sell('00:04:59', 'take-profit at 20806 was reached (average entry 20200)');
const noEntry = (time: string, why: string) => `${time} no entry until the next UTC midnight: ${why} (fast EMA crossed above slow EMA)`;

/** Spot has no margin and no wallet beside its own. */
const ofFutures = <Value>(only: Value, refused: Value) => ({
  steps: rise,
  outcomes: [
    [only, [buy('0.02475')]],
    [only, [buy('0.02475')]],
  ] as const,
  without: { why: 'on spot nothing but the default is accepted', refused },
});

export const columnCases: CasesOf<TradingColumns> = {
  ...strategyCases,
  ...protectionCases,
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
      [0.9, [buy('0.02475'), taken, noEntry('00:06:59', "the day's profit of 9.90 USDT reached the target")]],
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
          sell('00:03:30', "the day's loss reached 1 % of 1000.00 USDT"),
          noEntry('00:05:59', "the day's loss reached 1 % of 1000.00 USDT"),
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
  leverage: ofFutures(1, 20),
  marginType: ofFutures('isolated', 'crossed'),
  transferAmount: ofFutures(null, d(500)),
  autoTransferFunds: ofFutures(false, true),
};
