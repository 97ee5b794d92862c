/**
 * Checks each entry against the exchange's own candles: one that was decided on a missing, altered or doubled candle follows no cross of
 * the averages that are computed here. Nothing of the engine is imported.
 */
import { emaOf } from '../e2e/support/naive-ema-cross.ts';
import type { OrderRow } from './verify.ts';
import type { World } from './world.ts';

interface BotAverages {
  readonly bot: string;
  readonly symbol: string;
  readonly fast: number;
  readonly slow: number;
}

export interface PlainClose {
  readonly closeTimeMs: number;
  readonly close: number;
}

/** After so many candles the seed of an average has no weight that a comparison could see. */
const runUp = 120;
const candleMs = 1_000;
const pageCandles = 1_000;

/** One line per entry that does not follow from the candles. */
export async function unexplainedEntries(world: World, orders: readonly OrderRow[]): Promise<readonly string[]> {
  const entries = orders.filter(({ role }) => role === 'entry');
  if (entries.length === 0) return [];
  const times = entries.map(({ decision_ms }) => Number(decision_ms));
  const crosses = await crossesUp(world, Math.min(...times), Math.max(...times));
  return entries
    .filter(({ bot, decision_ms }) => crosses.get(bot)?.has(Number(decision_ms)) !== true)
    .map(({ id, decision_ms }) => `entry ${id} was decided at ${decision_ms}, where the true candles show no cross`);
}

/** Close times within the given ones at which each bot's fast average crossed above its slow one. */
export async function crossesUp(world: World, fromMs: number, toMs: number): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const bots = await world.query<BotAverages>(
    `select id::text as bot, symbol, ema_fast as fast, ema_slow as slow from bot_configs where timeframe = '1s'`,
  );
  const candles = new Map<string, readonly PlainClose[]>();
  for (const symbol of new Set(bots.map((bot) => bot.symbol)))
    candles.set(symbol, await readCloses(world, symbol, fromMs - runUp * candleMs, toMs));
  return new Map(
    bots.map(({ bot, symbol, fast, slow }) => {
      const crossed = crossesOf(candles.get(symbol) ?? [], fast, slow);
      return [bot, new Set(crossed.filter((closeTimeMs) => closeTimeMs >= fromMs && closeTimeMs <= toMs))] as const;
    }),
  );
}

/** Close times at which the fast average crossed above the slow one. */
export function crossesOf(candles: readonly PlainClose[], fastPeriod: number, slowPeriod: number): readonly number[] {
  const closes = candles.map(({ close }) => close);
  const fast = emaOf(closes, fastPeriod);
  const slow = emaOf(closes, slowPeriod);
  const above = (index: number): boolean => (fast[index] ?? Number.NaN) > (slow[index] ?? Number.NaN);
  const notAbove = (index: number): boolean => (fast[index] ?? Number.NaN) <= (slow[index] ?? Number.NaN);
  return candles.flatMap(({ closeTimeMs }, index) => (index > 0 && notAbove(index - 1) && above(index) ? [closeTimeMs] : []));
}

async function readCloses({ simulator }: World, symbol: string, fromMs: number, toMs: number): Promise<readonly PlainClose[]> {
  const read: PlainClose[] = [];
  for (let startTime = fromMs; startTime <= toMs; startTime = (read.at(-1)?.closeTimeMs ?? toMs) + 1) {
    const answer = await fetch(
      `${simulator.url}/api/v3/klines?symbol=${symbol}&interval=1s&limit=${pageCandles}&startTime=${startTime}&endTime=${toMs}`,
    );
    if (!answer.ok) throw new Error(`the simulator answered ${answer.status} when its candles were read: ${await answer.text()}`);
    const rows = (await answer.json()) as readonly (readonly [number, string, string, string, string, string, number])[];
    for (const row of rows) read.push({ closeTimeMs: row[6], close: Number(row[4]) });
    if (rows.length === 0) break;
  }
  return read;
}
