/** A restart changes nothing of what keeps a bot from entering: the stop guard goes on, and the day's warning is given once. */
import { Client } from 'pg';
import { afterEach, expect, it } from 'vitest';
import { beginCrafted, entryPrice, openOrders } from './support/crafted.ts';
import type { Crafted, Ohlc } from './support/crafted.ts';
import { startEngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { drive, settled, standsAt } from './support/replay.ts';

let replay: Crafted;
afterEach(() => replay.end());

const rows = async <T>(query: string): Promise<readonly T[]> => {
  const client = new Client({ connectionString: replay.databaseUrl });
  await client.connect();
  try {
    return (await client.query(query)).rows as T[];
  } finally {
    await client.end();
  }
};
const statusMessage = async (): Promise<string> =>
  (await replay.engine.ask<{ status_message: string }>('GET', `/v1/bots/${replay.botId}`)).status_message;
const warnings = async (): Promise<number> =>
  (await rows(`select 1 from outbox_events where topic = 'daily-loss-warning' and payload->>'reason' like '%80 \\% of its limit%'`)).length;

// The stop at 2 % loses a little more than 1.2 % of the budget: 80 % of the day's limit, and not all of it.
const columns = {
  stop_loss_perc: 2,
  max_daily_loss_perc: 1.5,
  stop_guard_stops: 1,
  stop_guard_window_minutes: 10,
  stop_guard_pause_minutes: 600,
};
const calm: Ohlc = [entryPrice, entryPrice + 10, entryPrice - 10, entryPrice];
const low = 29_390;
const fallAndRise: readonly Ohlc[] = [
  calm,
  [entryPrice, entryPrice, low - 10, low],
  [low, low, low, low],
  [low, low, low - 50, low - 50],
  [low - 50, low + 600, low - 50, low + 600],
];

it.each([
  ['the engine sold', 'engine', 'exit'],
  ['the order at the exchange executed', 'exchange', 'stop'],
] as const)('after kill -9 still counts the stop-out that %s, and does not warn of the loss again', async (_, keeper, role) => {
  replay = await beginCrafted({ after: fallAndRise, columns, engineEnv: { EVENKEEL_STOPS: keeper } });
  await drive(replay, 4);
  expect(await openOrders(replay)).toEqual([]);
  expect(await rows(`select role, exit_kind from orders where side = 'SELL' and executed_quantity > 0`)).toEqual([
    { role, exit_kind: role === 'exit' ? 'stop' : null },
  ]);
  await eventually('the warning is in the rows', 10_000, async () => (await warnings()) === 1);

  await replay.engine.process.end('SIGKILL');
  replay.engine = await startEngineProcess({ ...replay.engineEnv, EVENKEEL_STOPS: keeper }, replay.dataDir);
  await settled(replay, await standsAt(replay));
  await drive(replay, 2);
  let message = '';
  await eventually('the entry is refused', 10_000, async () => (message = await statusMessage()).startsWith('no entry')).catch(
    () => undefined,
  );
  expect(message).toMatch(/^no entry until .*: 1 round trips were stopped out within 10 minutes/);
  expect(await rows(`select 1 from orders where role = 'entry'`)).toHaveLength(1);
  expect(await warnings()).toBe(1);
});
