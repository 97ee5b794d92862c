/** The columns of the strategy and its parameters: another one signals at other closes of the same candles. */
import type { TradingColumns } from '../../../engine/trading/bot-columns.ts';
import { buy, crossedDown, quick, sell, zigzag } from './column-case.ts';
import type { CasesOf } from './column-case.ts';

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

type StrategyColumn = Extract<
  keyof TradingColumns,
  'strategy' | 'strategyParameters' | `${string}${'Fast' | 'Slow' | 'Period' | 'Oversold' | 'Overbought'}`
>;

const trendUp = (quantity: string, time: string) => `${time} BUY ${quantity}: MACD crossed above its signal line in an uptrend`;
const macdDown = (time: string, quantity: string) => sell(time, 'MACD crossed below its signal line', quantity);
const ownTrip = [trendUp('0.02487', '00:04:59'), macdDown('00:06:59', '0.02487')];
const own = { macd_fast: 2, macd_slow: 3, macd_signal: 2, adx_period: 2 };

export const strategyCases: CasesOf<Pick<TradingColumns, StrategyColumn>> = {
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
  strategyParameters: {
    given: { strategy: 'macd_adx' },
    steps: zigzag,
    outcomes: [
      [null, []],
      [{ ...own, trend_adx: 60 }, ownTrip],
      [{ ...own, trend_adx: 0 }, [...ownTrip, trendUp('0.02481', '00:08:59'), macdDown('00:10:59', '0.02481')]],
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
};
