/** The columns of the pauses after round trips (docs/protections.md): one more or one less of each, and an entry is refused or made. */
import type { TradingColumns } from '../../../engine/trading/bot-columns.ts';
import { buy, crossedDown, rise, sell } from './column-case.ts';
import type { CasesOf } from './column-case.ts';

const paused = (time: string, untilMinute: string, why: string) =>
  `${time} no entry until 2024-05-06T00:${untilMinute}:59.999Z: ${why} (fast EMA crossed above slow EMA)`;

/** Loses 4.95 of 499.95 and 9.75 of 497.35, and would enter again a minute after each. */
const losses = [...rise, 20_000, 20_400, 20_000, 20_400];
const lostTwice = [buy('0.02475'), crossedDown('00:03:59'), buy('0.02438', '00:04:59'), crossedDown('00:05:59', '0.02438')];
const wentOn = [...lostTwice, buy('0.02414', '00:06:59')];

/** Stopped out at 00:03:59 and 00:06:59, and would enter again two minutes after each. */
const stops = [...rise, { close: 20_200, low: 19_500 }, 20_000, 20_400, { close: 20_400, low: 19_500 }, 20_000, 20_400];
const guard = { stopLossPerc: 2, stopGuardStops: 2, stopGuardWindowMinutes: 3, stopGuardPauseMinutes: 3 };
const stoppedOnce = [buy('0.02475'), sell('00:03:59', 'stop-loss at 19796 was reached (average entry 20200)')];
const stoppedTwice = [
  ...stoppedOnce,
  buy('0.0245', '00:05:59'),
  sell('00:06:59', 'stop-loss at 19992 was reached (average entry 20400)', '0.0245'),
];
const guarded = [...stoppedTwice, paused('00:08:59', '09', '2 round trips were stopped out within 3 minutes (stop guard: 2)')];
const unguarded = [...stoppedTwice, buy('0.0245', '00:08:59')];

const low = { lowProfitTrades: 2, lowProfitWindowMinutes: 2, lowProfitMinPerc: -1, lowProfitPauseMinutes: 2 };
const tooLow = [
  ...lostTwice,
  paused('00:06:59', '07', 'the 2 round trips within 2 minutes made -1.47 % of what was spent on them, less than -1 %'),
];

type ProtectionColumn = Extract<keyof TradingColumns, `${'cooldown' | 'stopGuard' | 'lowProfit'}${string}`>;

export const protectionCases: CasesOf<Pick<TradingColumns, ProtectionColumn>> = {
  cooldownAfterLossMinutes: {
    steps: losses,
    outcomes: [
      [null, wentOn],
      [1, wentOn],
      [
        2,
        [
          buy('0.02475'),
          crossedDown('00:03:59'),
          paused('00:04:59', '05', 'the round trip that closed at 2024-05-06T00:03:59.999Z lost 4.95 USDT'),
          buy('0.02438', '00:06:59'),
        ],
      ],
    ],
  },
  stopGuardStops: {
    given: guard,
    steps: stops,
    outcomes: [
      [
        1,
        [
          ...stoppedOnce,
          paused('00:05:59', '06', '1 round trips were stopped out within 3 minutes (stop guard: 1)'),
          buy('0.0245', '00:08:59'),
        ],
      ],
      [2, guarded],
      [3, unguarded],
    ],
  },
  stopGuardWindowMinutes: {
    given: guard,
    steps: stops,
    outcomes: [
      [2, unguarded],
      [3, guarded],
    ],
  },
  stopGuardPauseMinutes: {
    given: guard,
    steps: stops,
    outcomes: [
      [2, unguarded],
      [3, guarded],
    ],
  },
  lowProfitTrades: {
    given: low,
    steps: losses,
    outcomes: [
      [2, tooLow],
      [3, wentOn],
    ],
  },
  lowProfitWindowMinutes: {
    given: low,
    steps: losses,
    outcomes: [
      [1, wentOn],
      [2, tooLow],
    ],
  },
  lowProfitMinPerc: {
    given: low,
    steps: losses,
    outcomes: [
      [-1, tooLow],
      [-2, wentOn],
    ],
  },
  lowProfitPauseMinutes: {
    given: low,
    steps: losses,
    outcomes: [
      [1, wentOn],
      [2, tooLow],
    ],
  },
};
