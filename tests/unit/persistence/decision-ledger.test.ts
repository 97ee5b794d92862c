import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { BufferedLedger, flushAfterMs } from '../../../engine/persistence/decision-ledger.ts';
import type { DecisionRow, DecisionStore } from '../../../engine/persistence/decision-store.ts';
import { createMemoryDecisionStore } from '../../simulation/memory-decisions.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { candle } from '../trading/given.ts';
import { closeOf, settingsOfBot } from './given-decisions.ts';

const hourMs = 3_600_000;
const hold = { action: 'hold', reason: 'wait' } as const;
const verdict = { outcome: 'nothing', rule: 'no-signal', reason: null, positionOpen: false } as const;

function given(change: Partial<DecisionStore> = {}) {
  const clock = new FakeClock(closeOf(0));
  const metrics = createMetrics();
  const rows = createMemoryDecisionStore();
  const batches: number[] = [];
  const store: DecisionStore = {
    ...rows,
    async append(added) {
      batches.push(added.length);
      await rows.append(added);
    },
    ...change,
  };
  const venueClock = { now: () => clock.now(), trusted: true, resync: async () => undefined };
  const ledger = new BufferedLedger({ store, clock, venueClock, log: pino({ level: 'silent' }), metrics, keptMs: hourMs });
  const values = { current: new Float64Array([61]), previous: new Float64Array([60]) };
  const record = (botId: string, minute: number): void =>
    ledger.record({
      settings: settingsOfBot(botId),
      view: { candle: candle(minute, { close: 20_000 }), ...values },
      signal: hold,
      verdict,
    });
  const kept = (botId = '1'): Promise<readonly DecisionRow[]> =>
    rows.page({ botId, fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100_000 });
  const dropped = async (): Promise<number> => (await metrics.verdictsDropped.get()).values[0]?.value ?? 0;
  return { clock, metrics, ledger, record, values, kept, dropped, batches, rows, venueClock };
}

describe('the buffer of verdicts', () => {
  it('writes what was recorded within a second, in one set', async () => {
    const { clock, record, kept, batches } = given();
    for (const botId of ['1', '2', '3']) record(botId, 0);
    await settle();
    expect(batches).toEqual([]);
    await clock.advance(flushAfterMs);
    expect(batches).toEqual([3]);
    expect(await kept('2')).toMatchObject([{ closeMs: closeOf(0), close: 20_000, values: [61, 60], ...verdict, signal: hold }]);
  });

  it('keeps the values of its close although the arrays go on to the next one', async () => {
    const { clock, record, values, kept } = given();
    record('1', 0);
    values.current[0] = 99;
    await clock.advance(flushAfterMs);
    expect((await kept())[0]?.values).toEqual([61, 60]);
  });

  it('sets no timer while nothing waits', async () => {
    const { clock, record, batches } = given();
    record('1', 0);
    await clock.advance(flushAfterMs * 10);
    expect(batches).toEqual([1]);
  });

  it('writes many in sets of a bounded size', async () => {
    const { clock, record, batches } = given();
    for (let bot = 0; bot < 4_500; bot += 1) record(String(bot), 0);
    await clock.advance(flushAfterMs);
    expect(batches).toEqual([2_000, 2_000, 500]);
  });

  it('lets verdicts wait while the database is away, in their order, and writes them when it is back', async () => {
    let away = true;
    const written: number[] = [];
    const { clock, record, metrics, dropped } = given({
      append: async (rows) => {
        if (away) throw new Error('gone');
        written.push(...rows.map((row) => row.closeMs));
      },
    });
    record('1', 0);
    await clock.advance(flushAfterMs - 1);
    for (let minute = 1; minute < 2_500; minute += 1) record('1', minute);
    await clock.advance(1 + flushAfterMs * 3);
    away = false;
    await clock.advance(flushAfterMs);
    expect(written).toEqual(Array.from({ length: 2_500 }, (_, minute) => closeOf(minute)));
    expect(await dropped()).toBe(0);
    expect((await metrics.dbErrors.get()).values.find(({ labels }) => labels.class === 'append-decisions')?.value).toBe(4);
  });

  it('gives the oldest up, counted, when too many wait', async () => {
    let away = true;
    const memory = createMemoryDecisionStore();
    const { clock, record, dropped } = given({
      append: async (rows) => {
        if (away) throw new Error('gone');
        await memory.append(rows);
      },
    });
    for (let minute = 0; minute < 50_001; minute += 1) record('1', minute);
    expect(await dropped()).toBe(2_000);
    away = false;
    await clock.advance(flushAfterMs);
    const kept = await memory.page({ botId: '1', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 100_000 });
    expect([kept.length, kept[0]?.closeMs, kept.at(-1)?.closeMs]).toEqual([48_001, closeOf(50_000), closeOf(2_000)]);
  });

  it('gives up what the database refuses for its content, and goes on with the rest', async () => {
    const memory = createMemoryDecisionStore();
    const { clock, record, dropped } = given({
      append: async (rows) => {
        if (rows.some((row) => row.closeMs === closeOf(0))) throw Object.assign(new Error('bad value'), { code: '22003' });
        await memory.append(rows);
      },
    });
    record('1', 0);
    await clock.advance(flushAfterMs);
    record('1', 1);
    await clock.advance(flushAfterMs);
    expect(await dropped()).toBe(1);
    expect((await memory.page({ botId: '1', fromMs: 0, toMs: closeOf(9), limit: 9 })).map((row) => row.closeMs)).toEqual([closeOf(1)]);
  });

  it('writes what waits when it stops', async () => {
    const { ledger, record, kept } = given();
    record('1', 0);
    await ledger.stop();
    expect((await kept()).map((row) => row.closeMs)).toEqual([closeOf(0)]);
  });

  it('counts what it cannot write when it stops', async () => {
    const { ledger, record, dropped } = given({ append: () => Promise.reject(new Error('gone')) });
    record('1', 0);
    await ledger.stop();
    expect(await dropped()).toBe(1);
  });
});

describe('old verdicts', () => {
  it('are deleted every minute, by the time of the venue', async () => {
    const { clock, ledger, record, kept } = given();
    ledger.start();
    for (const minute of [0, 1, 2]) record('1', minute);
    await clock.advance(hourMs + 60_000);
    expect((await kept()).map((row) => row.closeMs)).toEqual([closeOf(2), closeOf(1)]);
    await ledger.stop();
  });

  it('are deleted in sets of a bounded size, until none is left', async () => {
    const asked: number[] = [];
    let left = 12_000;
    const { ledger } = given({
      prune: async (_beforeMs, most) => {
        asked.push(most);
        const deleted = Math.min(left, most);
        left -= deleted;
        return deleted;
      },
    });
    await ledger.prune();
    expect([asked, left]).toEqual([[5_000, 5_000, 5_000], 0]);
  });

  it('stay while the time of the venue is in doubt', async () => {
    const { clock, ledger, record, kept, venueClock } = given();
    record('1', 0);
    await clock.advance(hourMs * 2);
    venueClock.trusted = false;
    await ledger.prune();
    expect(await kept()).toHaveLength(1);
  });
});
