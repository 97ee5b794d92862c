/**
 * Fifty bots over recorded candles in real processes: each close of each of them has its verdict and an explanation.
 * `EVENKEEL_E2E_EXPLAIN_CANDLES=1440 npx vitest run --project e2e tests/e2e/explain.test.ts` replays a whole day.
 */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { eventually } from './support/processes.ts';
import { beginReplay, botColumns, drive, endReplay, settled, standsAt } from './support/replay.ts';
import type { Replay } from './support/replay.ts';

const candles = Number(process.env['EVENKEEL_E2E_EXPLAIN_CANDLES'] ?? 90);
const botCount = 50;
const minuteMs = 60_000;
/** Candles whose explanation is asked for, of each bot. */
const sample = 12;

interface Decision {
  readonly close_time: string;
  readonly outcome: string;
  readonly rule: string | null;
  readonly indicators: readonly { readonly current: number | null }[];
}

interface Explanation {
  readonly explanation: string;
  readonly next_decision_at: string | null;
  readonly decision: Decision | null;
  readonly missing: string | null;
  readonly conditions: { readonly entry: readonly { readonly met: boolean }[] } | null;
  readonly orders: readonly { readonly client_order_id: string }[];
}

/** A paper bot unlike the others: every strategy, many lengths, some that may enter only once a day. */
function columnsOf(index: number): Record<string, unknown> {
  const strategy = ['ema_cross', 'rsi', 'ema_rsi', 'ema_trend_rsi'][index % 4];
  return {
    ...botColumns,
    name: `bot ${index}`,
    mode: 'paper',
    strategy,
    ema_fast: 2 + (index % 5),
    ema_slow: 8 + (index % 7),
    rsi_period: 5 + (index % 9),
    ...(index % 3 === 0 ? { max_daily_trades: 1 } : {}),
    ...(index % 5 === 0 ? { stop_loss_perc: 0.2, take_profit_perc: 0.3 } : {}),
  };
}

describe(`${botCount} bots over ${candles} candles`, () => {
  let replay: Replay;
  let drop: () => Promise<void>;
  /** Closes that every bot decided on. */
  let closes: number[] = [];
  /** What the API lists of each bot. */
  const verdicts = new Map<string, readonly Decision[]>();

  beforeAll(
    async () => {
      const database = await freshDatabase();
      drop = database.drop;
      const begun = await beginReplay({ databaseUrl: database.url, redisUrl: `${inject('redisUrl')}/1` });
      const bots = new Map(begun.bots);
      for (let index = bots.size; index < botCount; index += 1)
        bots.set(`bot ${index}`, (await begun.engine.createBot(columnsOf(index))).id);
      replay = { ...begun, bots };
      const first = await standsAt(replay);
      await settled(replay, first, 120_000);
      await drive(replay, candles);
      closes = Array.from({ length: candles + 1 }, (_, index) => first + index * minuteMs);
      // The last verdicts are written a moment after they were made.
      for (const id of bots.values())
        await eventually(
          'the last verdict is written',
          15_000,
          async () => (await decisions(id, '?limit=1'))[0]?.close_time === iso(closes.at(-1)),
        );
      for (const id of bots.values()) verdicts.set(id, await all(id));
    },
    300_000 + candles * 2_000,
  );

  afterAll(async () => {
    await endReplay(replay);
    await drop();
  });

  const iso = (ms = 0): string => new Date(ms).toISOString();
  const decisions = async (id: string, query: string): Promise<readonly Decision[]> =>
    (await replay.engine.ask<{ items: Decision[] }>('GET', `/v1/bots/${id}/decisions${query}`)).items;
  const all = async (id: string): Promise<readonly Decision[]> => {
    const told: Decision[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      type Page = { items: Decision[]; next_cursor: string | null };
      const page: Page = await replay.engine.ask<Page>(
        'GET',
        `/v1/bots/${id}/decisions?limit=500${cursor === '' ? '' : `&after=${cursor}`}`,
      );
      told.push(...page.items);
      cursor = page.next_cursor;
    }
    return told.reverse();
  };
  const explain = (id: string, at: number): Promise<Explanation> => replay.engine.ask('GET', `/v1/bots/${id}/explain?at=${at}`);

  it('have one verdict on each close, with known values', () => {
    expect([...verdicts.keys()]).toEqual([...replay.bots.values()]);
    for (const told of verdicts.values()) {
      expect(told.map(({ close_time: closeTime }) => closeTime)).toEqual(closes.map(iso));
      for (const { indicators } of told) for (const { current } of indicators) expect(current).not.toBeNull();
    }
  }, 300_000);

  it('explain any of them in a sentence', async () => {
    let asked = 0;
    for (const id of replay.bots.values()) {
      for (let pick = 0; pick < sample; pick += 1) {
        const close = closes[Math.floor((pick * (closes.length - 1)) / (sample - 1))] ?? 0;
        // Any moment until the next close is explained by this one.
        const told = await explain(id, close + ((pick * 7_919 + asked) % minuteMs));
        expect(told).toMatchObject({ missing: null, decision: { close_time: iso(close) } });
        expect(told.explanation).toMatch(/^(no entry|no exit|entered|left)\b.*; next decision at \d\d:\d\d:00Z$/);
        if (told.decision?.rule === 'no-signal') {
          expect(told.explanation).toMatch(/^no (entry|exit): .*\d\.\d.* not (at or )?(above|below) .*;/);
          expect(told.conditions?.entry.every(({ met }) => met)).toBe(false);
        }
        asked += 1;
      }
    }
    expect(asked).toBe(botCount * sample);
  }, 300_000);

  it('explain each entry with its order, and call nothing an entry that was none', async () => {
    let entries = 0;
    for (const id of replay.bots.values()) {
      const orders = (
        await replay.engine.ask<{ items: { client_order_id: string; role: string; decided_at: string }[] }>(
          'GET',
          `/v1/bots/${id}/orders?limit=500`,
        )
      ).items;
      const entered = new Set(orders.filter(({ role }) => role === 'entry').map((order) => Date.parse(order.decided_at)));
      const told = (verdicts.get(id) ?? [])
        .filter(({ outcome }) => outcome === 'entered')
        .map(({ close_time: closeTime }) => Date.parse(closeTime));
      expect(told).toEqual([...entered].sort((a, b) => a - b));
      for (const close of told.slice(0, 3)) {
        const { explanation, orders: named } = await explain(id, close);
        expect(explanation).toMatch(/^entered: .*\d/);
        expect(orders.map((order) => order.client_order_id)).toEqual(expect.arrayContaining(named.map((order) => order.client_order_id)));
        expect(named.length).toBeGreaterThan(0);
      }
      entries += told.length;
    }
    expect(entries).toBeGreaterThan(botCount / 2);
  }, 300_000);

  it('name the rule that kept an entry away', async () => {
    const refused: string[] = [];
    for (const id of replay.bots.values())
      for (const { rule, close_time: closeTime } of verdicts.get(id) ?? [])
        if (rule === 'max-daily-trades' && refused.length < 20) refused.push((await explain(id, Date.parse(closeTime))).explanation);
    expect(refused.length).toBeGreaterThan(0);
    for (const sentence of refused)
      expect(sentence).toMatch(/^no entry until the next UTC midnight: 1 of 1 entries were made today \(.*\); next decision/);
  }, 300_000);

  it('say of a candle that is not over, and of one before they began, that there is no verdict', async () => {
    const [id = ''] = replay.bots.values();
    const newest = closes.at(-1) ?? 0;
    expect(await explain(id, newest + 10 * minuteMs)).toMatchObject({ missing: 'not-closed', decision: null });
    expect(await explain(id, (closes[0] ?? 0) - minuteMs)).toMatchObject({ missing: 'not-running', decision: null });
  });
});
