/** The columns of the protections beside the daily ones: what a row may hold, and what the core works with. */
import type { Protections } from './protections.ts';
import { roundTripsMax } from './round-trips.ts';

/** All null when a protection is off; the columns of one are set together. `lowProfitMinPerc` in percent, the times in minutes. */
export interface ProtectionColumns {
  readonly cooldownAfterLossMinutes: number | null;
  readonly stopGuardStops: number | null;
  readonly stopGuardWindowMinutes: number | null;
  readonly stopGuardPauseMinutes: number | null;
  readonly lowProfitTrades: number | null;
  readonly lowProfitWindowMinutes: number | null;
  readonly lowProfitMinPerc: number | null;
  readonly lowProfitPauseMinutes: number | null;
}

export const noProtectionColumns = {
  cooldownAfterLossMinutes: null,
  stopGuardStops: null,
  stopGuardWindowMinutes: null,
  stopGuardPauseMinutes: null,
  lowProfitTrades: null,
  lowProfitWindowMinutes: null,
  lowProfitMinPerc: null,
  lowProfitPauseMinutes: null,
} as const satisfies ProtectionColumns;

/** What a number column may hold. `above` and `below` are excluded. */
export interface NumberBound {
  readonly above?: number;
  readonly least?: number;
  readonly most: number;
  readonly below?: number;
  readonly whole: boolean;
  readonly unit: string;
}

/** Thirty days. */
export const pauseMinutesMax = 43_200;
const minutes: NumberBound = { least: 1, most: pauseMinutesMax, whole: true, unit: ' minutes' };
const count: NumberBound = { least: 1, most: roundTripsMax, whole: true, unit: '' };

export const protectionBounds: readonly (readonly [keyof ProtectionColumns, NumberBound])[] = [
  ['cooldownAfterLossMinutes', minutes],
  ['stopGuardStops', count],
  ['stopGuardWindowMinutes', minutes],
  ['stopGuardPauseMinutes', minutes],
  ['lowProfitTrades', count],
  ['lowProfitWindowMinutes', minutes],
  ['lowProfitMinPerc', { least: -100, most: 100, whole: false, unit: ' percent' }],
  ['lowProfitPauseMinutes', minutes],
];

const groups: readonly (readonly (keyof ProtectionColumns)[])[] = [
  ['stopGuardStops', 'stopGuardWindowMinutes', 'stopGuardPauseMinutes'],
  ['lowProfitTrades', 'lowProfitWindowMinutes', 'lowProfitMinPerc', 'lowProfitPauseMinutes'],
];

/** Columns that are missing beside others of their protection. */
export function protectionProblems(
  columns: ProtectionColumns,
): readonly { readonly column: keyof ProtectionColumns; readonly problem: string }[] {
  return groups.flatMap((group) => {
    const missing = group.filter((column) => columns[column] === null);
    if (missing.length === 0 || missing.length === group.length) return [];
    return missing.map((column) => ({ column, problem: 'is missing: the columns of a protection are set together, or none of them' }));
  });
}

export function resolveProtections(columns: ProtectionColumns): Protections {
  const { stopGuardStops: stops, lowProfitTrades: trades, lowProfitMinPerc: minPercent } = columns;
  const cooldownAfterLossMs = ms(columns.cooldownAfterLossMinutes);
  const guard = { windowMs: ms(columns.stopGuardWindowMinutes), pauseMs: ms(columns.stopGuardPauseMinutes) };
  const low = { windowMs: ms(columns.lowProfitWindowMinutes), pauseMs: ms(columns.lowProfitPauseMinutes) };
  return {
    cooldownAfterLossMs,
    stopGuard:
      stops === null || guard.windowMs === null || guard.pauseMs === null
        ? null
        : { stops, windowMs: guard.windowMs, pauseMs: guard.pauseMs },
    lowProfit:
      trades === null || minPercent === null || low.windowMs === null || low.pauseMs === null
        ? null
        : { trades, minPercent, windowMs: low.windowMs, pauseMs: low.pauseMs },
  };
}

function ms(minutesOrNull: number | null): number | null {
  return minutesOrNull === null ? null : minutesOrNull * 60_000;
}
