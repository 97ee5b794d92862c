/** The life of one bot: what it lets go of when it is stopped or lost at an odd moment. */
import { afterEach, expect, it } from 'vitest';
import { recordedLog } from '../../support/recorded-log.ts';
import { MemoryDatabase } from '../../simulation/memory-database.ts';
import { addCrossBot, cross, startMemoryFleet } from '../memory-fleet.ts';
import type { MemoryFleet } from '../memory-fleet.ts';
import { candle } from '../trading/given.ts';

const patience = { timeout: 15_000 };
let database: MemoryDatabase;
let engine: MemoryFleet;
let warm: PromiseWithResolvers<void>;

const bot = () => engine.fleet.supervisor.bot('1');
const holder = (): string | null => database.states.get('1')?.holder ?? null;

async function warming(): Promise<void> {
  warm = Promise.withResolvers();
  database = new MemoryDatabase();
  addCrossBot(database, 'paper');
  engine = await startMemoryFleet({ database, owner: 'me', account: null, warm: warm.promise });
  await expect.poll(() => [bot()?.life, engine.subscriptions], patience).toEqual(['warming', 1]);
}

afterEach(() => engine.fleet.stop());

it('that is stopped while its series warms ends the subscription when that stands, and hears nothing of it', async () => {
  await warming();
  const session = bot()?.session;
  database.changeBot('1', { active: false });
  await expect.poll(() => [bot(), holder()], patience).toEqual([null, null]);
  warm.resolve();
  await expect.poll(() => engine.subscriptions, patience).toBe(0);
  expect([session?.feed, engine.fleet.desk.botIds()]).toEqual(['live', []]);
});

it('that is lost while its series warms ends the subscription when that stands', async () => {
  await warming();
  bot()?.fence();
  database.changeBot('1', { active: false });
  warm.resolve();
  await expect.poll(() => engine.subscriptions, patience).toBe(0);
});

it('that is stopped before it has recovered leaves nothing behind in the desk', async () => {
  await warming();
  database.changeBot('1', { active: false });
  await expect.poll(bot, patience).toBeNull();
  database.changeBot('1', { active: true });
  const woken = engine.fleet.supervisor.wake();
  await expect.poll(bot, { ...patience, interval: 0 }).not.toBeNull();
  bot()?.stop();
  database.changeBot('1', { active: false });
  await woken;
  await expect.poll(() => [bot(), holder(), engine.fleet.desk.botIds()], patience).toEqual([null, null, []]);
});

it('that is stopped with an order that does not end waits for it no longer than it may, and says so', async () => {
  const { log, lines } = recordedLog();
  database = new MemoryDatabase();
  addCrossBot(database, 'paper');
  engine = await startMemoryFleet({ database, owner: 'me', account: null, log });
  const listener = await engine.joined();
  await expect.poll(() => bot()?.running, patience).toBe(true);
  const { openTime, closeTime } = { openTime: Date.now() - 60_000, closeTime: Date.now() - 1 };
  // A paper order waits for the next candle, and none comes.
  listener.onClose({ candle: { ...candle(0, { close: 100 }), openTime, closeTime }, current: [2, 1], previous: [1, 2] }, 0);
  await expect.poll(() => engine.fleet.desk.idle('1'), patience).toBe(false);
  const stopped = bot();
  database.changeBot('1', { active: false });
  stopped?.stop();
  await expect.poll(() => [stopped?.life, engine.subscriptions], patience).toEqual(['draining', 0]);
  await expect.poll(() => [bot(), holder(), engine.fleet.desk.botIds()], patience).toEqual([null, null, []]);
  expect(stopped?.life).toBe('released');
  expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
    { msg: 'the bot leaves with an order whose fate is open; its next owner resolves it', botId: '1', symbol: 'BTCUSDT' },
  ]);
});

it('whose candles are behind when it begins to run knows it', async () => {
  database = new MemoryDatabase();
  addCrossBot(database, 'paper');
  engine = await startMemoryFleet({ database, owner: 'me', account: null, health: 'gapped' });
  await expect.poll(() => bot()?.running, patience).toBe(true);
  expect(bot()?.session?.state.blocks.map(({ rule }) => rule)).toEqual(['series-gapped']);
});

it('makes up for the exit that a close asked for while no engine was there', async () => {
  database = new MemoryDatabase();
  addCrossBot(database, 'paper');
  engine = await startMemoryFleet({ database, owner: 'first', account: null });
  cross(await engine.joined());
  await expect.poll(() => bot()?.session?.phase, patience).toBe('holding');
  await engine.fleet.stop();
  const openTime = Date.now() - 59_999;
  const missed = [{ candle: { ...candle(0, { close: 100 }), openTime, closeTime: openTime + 59_999 }, current: [1, 2], previous: [2, 1] }];
  engine = await startMemoryFleet({ database, owner: 'second', account: null, missed });
  await expect.poll(() => bot()?.session?.state.exiting?.reason, patience).toMatch(/while the bot was away$/);
});
