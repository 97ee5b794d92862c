/** Bots that are switched off and hold something: an engine keeps them, and whoever asks for it gets the position sold. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { SeriesView } from '../../../engine/market/market.ts';
import { systemClock as clock } from '../../../engine/time/clock.ts';
import { MemoryDatabase } from '../../simulation/memory-database.ts';
import { addCrossBot, cross, crossBack, move, startMemoryFleet } from '../memory-fleet.ts';
import type { MemoryFleet } from '../memory-fleet.ts';

const patience = { timeout: 15_000 };
let database: MemoryDatabase;
let engine: MemoryFleet;

const held = (): string => database.states.get('1')?.data.position?.quantity ?? '0';
const holder = (): string | null => database.states.get('1')?.holder ?? null;
/** How often it was taken. */
const epoch = (): number => database.states.get('1')?.epoch ?? 0;
const phase = (): string | undefined => engine.fleet.supervisor.bot('1')?.session?.phase;
const fates = (): unknown => database.commands.map(({ command, ending }) => [command, ending?.fate ?? null]);
const ask = (command: 'close-position' | 'pause-entries', forMs = 60_000): void =>
  database.giveCommand('1', command, 'a test', clock.now() + forMs);

/** The engine, or the next one in its place. */
async function start(owner: string, missed: readonly SeriesView[] = []): Promise<void> {
  engine = await startMemoryFleet({ database, owner, account: null, missed });
}

beforeEach(async () => {
  database = new MemoryDatabase();
  addCrossBot(database, 'paper', { stopLossPerc: 10 });
  await start('first');
  cross(await engine.joined());
  await expect.poll(phase, patience).toBe('holding');
  expect(held()).toBe('4.995');
});
afterEach(() => engine.fleet.stop());

/** Switched off, the engine gone, another one in its place. */
async function switchedOff(): Promise<void> {
  database.changeBot('1', { active: false });
  await engine.fleet.stop();
  expect(holder()).toBeNull();
  // Its strategy would have left while nobody ran it.
  const closeTime = Math.floor(clock.now());
  const candle = { openTime: closeTime - 59_999, closeTime, open: 100, high: 100, low: 100, close: 100, volume: 1, closed: true };
  await start('second', [{ candle, current: [1, 2], previous: [2, 1] }]);
}

it('is taken by an engine that does not trade it, and kept', async () => {
  await switchedOff();
  const bot = await engine.joined();
  await expect.poll(phase, patience).toBe('holding');
  crossBack(bot);
  cross(bot);
  await engine.fleet.supervisor.wake();
  expect([holder(), held(), phase(), epoch()]).toEqual(['second', '4.995', 'holding', 2]);
  expect(engine.fleet.supervisor.bot('1')?.session?.message).toContain('switched off');
});

it('keeps its stop, which the engine keeps', async () => {
  await switchedOff();
  const bot = await engine.joined();
  await expect.poll(phase, patience).toBe('holding');
  // Prices go on: the engine looks at them once a second.
  const fallen = (): string => {
    move(bot, 89);
    return held();
  };
  await expect.poll(fallen, patience).toBe('0');
  expect([...database.orders.values()].at(-1)?.intent.exitKind).toBe('stop');
});

it("sells it by close-position, whichever engine runs it, and is nobody's then", async () => {
  await switchedOff();
  const bot = await engine.joined();
  await expect.poll(phase, patience).toBe('holding');
  move(bot, 101);
  ask('close-position');
  await expect.poll(held, patience).toBe('0');
  await expect.poll(() => [holder(), fates(), engine.subscriptions], patience).toEqual([null, [['close-position', 'done']], 0]);
});

it('sells it under a flattening kill switch', async () => {
  await switchedOff();
  const bot = await engine.joined();
  await expect.poll(phase, patience).toBe('holding');
  move(bot, 101);
  engine.killSwitches.setRows([{ scope: 'bot', subject: '1', policy: 'flatten', reason: 'a test', expiresAtMs: null }]);
  await expect.poll(held, patience).toBe('0');
  await expect.poll(holder, patience).toBeNull();
});

it('that holds nothing is taken for a close, which is refused with the reason, and let go', async () => {
  await switchedOff();
  move(await engine.joined(), 101);
  ask('close-position');
  await expect.poll(() => [held(), holder()], patience).toEqual(['0', null]);
  ask('close-position');
  await expect
    .poll(() => [holder(), fates()], patience)
    .toEqual([
      null,
      [
        ['close-position', 'done'],
        ['close-position', 'refused'],
      ],
    ]);
  // Taken once more, and not let go before the answer.
  expect([database.commands.at(-1)?.ending?.outcome, epoch()]).toEqual(['there is no position to close', 3]);
});

it('does nothing of a command that expired while no engine was there', async () => {
  await engine.fleet.stop();
  ask('close-position', 20);
  await clock.sleep(30);
  await start('second');
  move(await engine.joined(), 101);
  await expect.poll(phase, patience).toBe('holding');
  await engine.fleet.supervisor.wake();
  expect([held(), fates()]).toEqual(['4.995', [['close-position', null]]]);
});

it.each([
  ['goes on with a close that was asked for before its engine ended', 0, '0'],
  ['leaves a position alone that a close was not about', 1, '4.995'],
])('%s', async (_, later, left) => {
  await engine.fleet.stop();
  const state = database.states.get('1');
  const openedAtMs = state?.data.position?.openedAtMs ?? 0;
  if (state !== undefined)
    state.data = { ...state.data, closing: { reason: 'news', decisionMs: Math.floor(clock.now()), openedAtMs: openedAtMs + later } };
  await start('second');
  move(await engine.joined(), 101);
  await expect.poll(held, patience).toBe(left);
  await expect.poll(phase, patience).toBe(left === '0' ? 'flat' : 'holding');
});

it('writes down what is being closed until it is', async () => {
  await engine.fleet.stop();
  await start('second');
  // Paper fills at prices, and has seen none: the exit waits.
  await engine.joined();
  await expect.poll(phase, patience).toBe('holding');
  ask('close-position');
  await expect.poll(fates, patience).toEqual([['close-position', 'done']]);
  expect(database.states.get('1')?.data.closing).toMatchObject({ reason: 'close requested: a test' });
});
