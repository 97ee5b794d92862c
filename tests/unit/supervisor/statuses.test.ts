import { Decimal } from 'decimal.js';
import { beforeEach, expect, it } from 'vitest';
import type { Bot } from '../../../engine/bot/bot.ts';
import { Statuses } from '../../../engine/supervisor/statuses.ts';
import type { RunningEntry } from '../../../engine/supervisor/statuses.ts';
import { config, emptyState } from '../trading/given.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import type { RecordedLog } from '../../support/recorded-log.ts';

const state = emptyState();
const settings = { trading: config() };
const entryOf = (botId: string, bot: unknown): RunningEntry => ({ botId, epoch: 1, bot: bot as Bot });
const recovered = (botId: string): RunningEntry =>
  entryOf(botId, {
    life: 'running',
    checkpoint: null,
    session: { state, settings, equity: new Decimal(951), message: 'waits', lastDecisionAtMs: null },
  });

let clock: FakeClock;
let written: string[][];
let data: unknown[];
let away: boolean;
let over: Set<string>;
/** The database answers after this. */
let answering: Promise<void>;
let statuses: Statuses;
let recorded: RecordedLog;

beforeEach(() => {
  clock = new FakeClock();
  recorded = recordedLog();
  written = [];
  data = [];
  away = false;
  over = new Set();
  answering = Promise.resolve();
  statuses = new Statuses({
    store: {
      async writeStatuses(bots) {
        await answering;
        if (away) throw new Error('timeout exceeded when trying to connect');
        written.push(bots.map(({ botId }) => botId));
        data.push(...bots.map(({ stateData }) => stateData));
        return new Set();
      },
    },
    clock,
    log: recorded.log,
    runs: ({ botId }) => !over.has(botId),
  });
});

it('writes what changed within a moment in one statement, and nothing while nothing changes', async () => {
  for (const entry of [recovered('1'), recovered('2')]) statuses.changed(entry);
  await clock.advance(10_000);
  expect(written).toEqual([['1', '2']]);
});

it('writes what a restart needs of the day: how it began, what was told, and the last price with its time', async () => {
  const notices = [{ topic: 'daily-loss-warning', dayStartMs: 0, atMs: 1, reason: 'near its limit' }];
  const day = { startMs: 86_400_000, startEquity: new Decimal('950.000000000000000001'), lossReached: true };
  const known = { ...state, day, notices, lastPrice: 19_000 };
  statuses.changed(
    entryOf('1', {
      life: 'running',
      checkpoint: null,
      session: { state: known, settings, equity: new Decimal(951), message: 'waits', lastDecisionAtMs: 5, lastPriceAtMs: 7 },
    }),
  );
  await clock.advance(1_000);
  expect(data).toEqual([
    {
      pausedReason: null,
      day: { startMs: 86_400_000, startEquity: '950.000000000000000001', equity: '951', capital: '1000', lossReached: true },
      notices,
      lastPrice: 19_000,
      lastPriceAtMs: 7,
      closing: null,
      bestPrice: null,
    },
  ]);
});

it('writes again until the database takes it, and says once that it does not', async () => {
  away = true;
  statuses.changed(recovered('1'));
  await clock.advance(2_000);
  expect(await statuses.flush()).toBe(false);
  away = false;
  await clock.advance(1_000);
  expect(written).toEqual([['1']]);
  const line = 'warn: the status of bots could not be written; it is tried on';
  expect(recorded.told()).toEqual([line]);
  away = true;
  statuses.changed(recovered('1'));
  await clock.advance(2_000);
  expect(recorded.told()).toEqual([line, line]);
});

it('never has two writes under way: an older one that is late would undo the newer one', async () => {
  let answer = (): void => undefined;
  answering = new Promise((resolve) => (answer = resolve));
  const entry = recovered('1');
  statuses.changed(entry);
  const first = statuses.flush();
  await clock.advance(0);
  answering = Promise.resolve();
  const paused = { rule: 'paused', reason: 'entries are paused: a user asked' } as const;
  Object.assign(entry.bot, { session: { ...entry.bot.session, state: { ...state, blocks: [paused] } } });
  statuses.changed(entry);
  const second = statuses.flush();
  await clock.advance(10_000);
  expect(written).toEqual([]);
  answer();
  expect(await Promise.all([first, second])).toEqual([true, true]);
  expect(data).toMatchObject([{ pausedReason: null }, { pausedReason: paused.reason }]);
});

it('keeps a bot that still recovers until it has something to tell', async () => {
  const bot: { life: string; session: unknown } = { life: 'recovering', session: null };
  const entry = entryOf('1', bot);
  statuses.changed(entry);
  await clock.advance(1_000);
  expect(written).toEqual([]);
  Object.assign(bot, recovered('1').bot);
  statuses.changed(entry);
  await clock.advance(1_000);
  expect(written).toEqual([['1']]);
});

it('leaves the row of a bot that is over alone, and writes nothing by itself once stopped', async () => {
  statuses.changed(recovered('1'));
  over.add('1');
  await clock.advance(1_000);
  statuses.changed(recovered('2'));
  statuses.stop();
  statuses.changed(recovered('3'));
  await clock.advance(1_000);
  expect(written).toEqual([]);
});
