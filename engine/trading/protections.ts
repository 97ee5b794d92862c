/**
 * Protections beside the daily ones: pauses of entries after losses, stop-outs or poor results, each judged at the close of
 * a round trip and over at a time that is known. docs/protections.md has the exact meanings and a worked example.
 * (Stops that rest at the exchange are `protect.ts`.)
 */
import { quoteText } from './amounts.ts';
import type { Quote } from './amounts.ts';
import { exact, zero } from './exact.ts';
import type { RoundTrip } from './state.ts';

/** Each is null when it is off. Times in ms. */
export interface Protections {
  readonly cooldownAfterLossMs: number | null;
  readonly stopGuard: { readonly stops: number; readonly windowMs: number; readonly pauseMs: number } | null;
  /** `minPercent` of the capital spent; may be negative. */
  readonly lowProfit: {
    readonly trades: number;
    readonly windowMs: number;
    readonly minPercent: number;
    readonly pauseMs: number;
  } | null;
}

export const noProtections: Protections = { cooldownAfterLossMs: null, stopGuard: null, lowProfit: null };

export interface Pause {
  readonly rule: 'stop-guard' | 'low-profit' | 'cooldown';
  readonly reason: string;
}

/**
 * What keeps entries closed at `atMs` (the venue's time of the event under decision), or null. `closed` in the order in which
 * the round trips closed. Of several pauses the graver one is named: stop guard, low profit, cooldown.
 */
export function pauseAt(closed: readonly RoundTrip[], protections: Protections, atMs: number, quote: Quote): Pause | null {
  return stopGuard(closed, protections, atMs) ?? lowProfit(closed, protections, atMs) ?? cooldown(closed, protections, atMs, quote);
}

/** The newest round trip whose close began a pause that still lasts at `atMs`, with the time at which that ends. */
function trigger(
  closed: readonly RoundTrip[],
  pauseMs: number,
  atMs: number,
  begins: (trip: RoundTrip, upToIt: readonly RoundTrip[]) => boolean,
): { readonly trip: RoundTrip; readonly upToIt: readonly RoundTrip[]; readonly until: string } | null {
  for (let index = closed.length - 1; index >= 0; index -= 1) {
    const trip = closed[index];
    if (trip === undefined || atMs >= trip.closedAtMs + pauseMs) continue;
    const upToIt = closed.slice(0, index + 1);
    if (begins(trip, upToIt)) return { trip, upToIt, until: iso(trip.closedAtMs + pauseMs) };
  }
  return null;
}

const within = (trips: readonly RoundTrip[], windowMs: number, endMs: number): readonly RoundTrip[] =>
  trips.filter((trip) => trip.closedAtMs >= endMs - windowMs);

function stopGuard(closed: readonly RoundTrip[], { stopGuard: guard }: Protections, atMs: number): Pause | null {
  if (guard === null) return null;
  const stopsTo = (trip: RoundTrip, upToIt: readonly RoundTrip[]): number =>
    within(upToIt, guard.windowMs, trip.closedAtMs).filter((one) => one.stopped).length;
  const begun = trigger(closed, guard.pauseMs, atMs, (trip, upToIt) => trip.stopped && stopsTo(trip, upToIt) >= guard.stops);
  if (begun === null) return null;
  const stops = stopsTo(begun.trip, begun.upToIt);
  return {
    rule: 'stop-guard',
    reason: `no entry until ${begun.until}: ${stops} round trips were stopped out within ${minutes(guard.windowMs)} (stop guard: ${guard.stops})`,
  };
}

function lowProfit(closed: readonly RoundTrip[], { lowProfit: rule }: Protections, atMs: number): Pause | null {
  if (rule === null) return null;
  const percentOf = (trip: RoundTrip, upToIt: readonly RoundTrip[]): { readonly count: number; readonly percent: number } => {
    const trips = within(upToIt, rule.windowMs, trip.closedAtMs);
    const result = trips.reduce((sum, one) => sum.plus(one.result), zero);
    const spent = trips.reduce((sum, one) => sum.plus(one.spent), zero);
    return { count: trips.length, percent: spent.gt(0) ? exact(result).times(100).div(spent).toNumber() : 0 };
  };
  const begun = trigger(closed, rule.pauseMs, atMs, (trip, upToIt) => {
    const { count, percent } = percentOf(trip, upToIt);
    return count >= rule.trades && percent < rule.minPercent;
  });
  if (begun === null) return null;
  const { count, percent } = percentOf(begun.trip, begun.upToIt);
  return {
    rule: 'low-profit',
    reason: `no entry until ${begun.until}: the ${count} round trips within ${minutes(rule.windowMs)} made ${percent.toFixed(2)} % of what was spent on them, less than ${rule.minPercent} %`,
  };
}

function cooldown(closed: readonly RoundTrip[], { cooldownAfterLossMs }: Protections, atMs: number, quote: Quote): Pause | null {
  if (cooldownAfterLossMs === null) return null;
  const begun = trigger(closed, cooldownAfterLossMs, atMs, (trip) => trip.result.lt(0));
  if (begun === null) return null;
  const { closedAtMs, result } = begun.trip;
  return {
    rule: 'cooldown',
    reason: `no entry until ${begun.until}: the round trip that closed at ${iso(closedAtMs)} lost ${quoteText(result.neg(), quote)}`,
  };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

function minutes(ms: number): string {
  return `${ms / 60_000} minutes`;
}
