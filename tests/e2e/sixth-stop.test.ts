/** The exchange lets five stops rest per account and symbol: a sixth bot does not enter, and says why, before anything is sent. */
import { afterEach, expect, it } from 'vitest';
import { beginCrafted, entryPrice, openOrders } from './support/crafted.ts';
import type { Crafted, Ohlc } from './support/crafted.ts';
import { eventually } from './support/processes.ts';
import { drive, settled, standsAt } from './support/replay.ts';

const calm: Ohlc = [entryPrice, entryPrice + 10, entryPrice - 10, entryPrice];

let replay: Crafted;
afterEach(() => replay.end());

it('a sixth protected bot on one account and symbol enters nothing, and its status says why', async () => {
  const columns = { stop_loss_perc: 2, initial_capital: '1000' };
  replay = await beginCrafted({ after: [calm, calm], columns });
  const bots = new Map(replay.bots);
  for (let index = 2; index <= 6; index += 1) {
    const bot = await replay.engine.createBot({
      ...{ name: `crafted ${index}`, symbol: 'BTCUSDT', timeframe: '1m', mode: 'live', strategy: 'ema_cross', ema_fast: 2, ema_slow: 5 },
      ...{ position_size_perc: 60, ...columns },
    });
    bots.set(bot.name, bot.id);
  }
  const six = { ...replay, bots };
  await settled(six, await standsAt(six));
  await drive(six, 1);
  await eventually('five stops rest', 10_000, async () => (await openOrders(replay)).length === 5);
  await drive(six, 1);
  const { orders } = await replay.simulator.ledger();
  expect(orders.filter(({ side }) => side === 'BUY')).toHaveLength(5);
  expect(orders.filter(({ side, status }) => side === 'SELL' && status !== 'NEW')).toEqual([]);
  await eventually('one bot says why it did not enter', 20_000, async () => {
    const { items } = await replay.engine.ask<{ items: { status_message: string }[] }>('GET', '/v1/bots');
    return items.filter(({ status_message: message }) => message.includes('MAX_NUM_ALGO_ORDERS')).length === 1;
  });
  expect(replay.engine.process.output()).not.toContain('Filter failure');
}, 120_000);
