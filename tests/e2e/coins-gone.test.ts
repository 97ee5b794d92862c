/** Coins that a bot means to sell are gone: it sells what the account still has, and tells of the rest. */
import { Decimal } from 'decimal.js';
import { afterEach, expect, it } from 'vitest';
import { asStranger, beginCrafted, entryPrice, heldCoins } from './support/crafted.ts';
import type { Crafted, Ohlc } from './support/crafted.ts';
import type { LedgerOrder } from './support/simulator-process.ts';
import { eventually } from './support/processes.ts';
import { drive } from './support/replay.ts';

const calm: Ohlc = [entryPrice, entryPrice + 10, entryPrice - 10, entryPrice];
const falls: Ohlc = [entryPrice, entryPrice, entryPrice - 500, entryPrice - 500];

let replay: Crafted;
afterEach(() => replay.end());

it('an exit that is refused for want of coins sells what is free, and the rest when it comes back', async () => {
  replay = await beginCrafted({ after: [calm, calm, falls] });
  await drive(replay, 2);
  const bought = (await heldCoins(replay)).free;
  const sell = (quantity: string, side: 'SELL' | 'BUY') =>
    asStranger(replay, 'POST', '/api/v3/order', { symbol: 'BTCUSDT', side, type: 'MARKET', quantity });
  const sales = async (): Promise<readonly LedgerOrder[]> =>
    (await replay.simulator.ledger()).orders.filter((order) => order.side === 'SELL' && order.clientOrderId.startsWith('ek'));
  await sell('0.15', 'SELL');
  const left = (await heldCoins(replay)).free;
  await replay.simulator.step();
  await replay.simulator.step();

  const [sale] = await eventually('what is free is sold', 15_000, async () => {
    const sold = await sales();
    return sold.length > 0 ? sold : null;
  });
  expect(sale?.status).toBe('FILLED');
  expect(new Decimal(left).minus(sale?.quantity ?? 0).toNumber()).toBeLessThan(0.00001);
  const rest = new Decimal(bought).minus(sale?.quantity ?? 0);
  const told = new RegExp(`the position is ${rest.toFixed()} BTC.*, but the account has only`);
  await eventually('both numbers are told', 15_000, async () => {
    const { items } = await replay.engine.ask<{ items: { status_message: string }[] }>('GET', '/v1/bots');
    return told.test(items[0]?.status_message ?? '');
  });

  await sell('0.16', 'BUY');
  await eventually('the rest is sold', 40_000, async () => (await sales()).length === 2);
  const sold = (await sales()).reduce((sum, { quantity }) => sum.plus(quantity), new Decimal(0));
  expect(new Decimal(bought).minus(sold).toNumber()).toBeLessThan(0.00001);
});
