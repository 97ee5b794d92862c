/** A live bot trades only with a key that the exchange has confirmed, and a paper bot never signs a request. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { beginCrafted, entryPrice } from './support/crafted.ts';
import type { Crafted } from './support/crafted.ts';
import { startEngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { settled, standsAt } from './support/replay.ts';
import { account } from './support/simulator-process.ts';

const calm = Array.from({ length: 12 }, () => [entryPrice, entryPrice, entryPrice, entryPrice] as const);

describe('a live bot whose key loses the right to trade', () => {
  let world: Crafted;
  beforeAll(async () => {
    world = await beginCrafted({ after: calm });
  });
  afterAll(() => world.end());

  const status = async (): Promise<string> =>
    String((await world.engine.ask<Record<string, unknown>>('GET', `/v1/bots/${world.botId}`))['status_message']);
  const newLiveBot = {
    symbol: 'BTCUSDT',
    timeframe: '1m',
    strategy: 'rsi',
    initial_capital: '10',
    position_size_perc: 10,
    name: 'second',
    mode: 'live',
  };

  it('enters nothing, says why, and no live bot is created', async () => {
    await world.simulator.fault({ kind: 'key-rights', account: account.name, enableSpotAndMarginTrading: false });
    await world.simulator.step();
    await eventually('the bot says that the key is not verified', 30_000, async () => (await status()).includes('Spot & Margin Trading'));
    expect((await world.simulator.ledger()).orders).toEqual([]);
    const answer = await world.engine.raw('POST', '/v1/bots', { ...newLiveBot, confirm_name: 'second' });
    const { errors } = (await answer.json()) as { errors: { field: string; detail: string }[] };
    expect([answer.status, errors]).toMatchObject([
      422,
      [{ field: 'mode', detail: expect.stringContaining('Spot & Margin Trading') as string }],
    ]);
  });
});

describe('an engine that starts with a key that may withdraw', () => {
  let world: Crafted;
  beforeAll(async () => {
    world = await beginCrafted({ after: calm });
  });
  afterAll(() => world.end());

  it('sends no entry of the live bots that it finds', async () => {
    await world.engine.process.end('SIGTERM');
    await world.simulator.fault({ kind: 'key-rights', account: account.name, enableWithdrawals: true });
    world.engine = await startEngineProcess(world.engineEnv, world.dataDir);
    await settled(world, await standsAt(world));
    await world.simulator.step();
    const status = async () =>
      String((await world.engine.ask<Record<string, unknown>>('GET', `/v1/bots/${world.botId}`))['status_message']);
    await eventually('the bot says why it does not enter', 30_000, async () => /^no entry: the key may withdraw/.test(await status()));
    expect((await world.simulator.state()).actions).toBe(0);
  });
});

describe('a live bot whose key is lost while it holds a position', () => {
  let world: Crafted;
  beforeAll(async () => {
    world = await beginCrafted({ after: calm });
  });
  afterAll(() => world.end());

  it('tries its exit all the same, until the exchange takes it', async () => {
    await world.simulator.step();
    await eventually('the entry is booked', 20_000, async () => (await world.simulator.ledger()).orders.length === 1);
    await world.simulator.fault({ kind: 'key-rights', account: account.name, enableSpotAndMarginTrading: false });
    const before = (await world.simulator.state()).actions;
    await world.engine.ask('POST', `/v1/bots/${world.botId}/commands`, { command: 'close-position' });
    await eventually('the exit is tried more than once', 30_000, async () => (await world.simulator.state()).actions > before + 1);
    await world.simulator.fault({ kind: 'key-rights', account: account.name, enableSpotAndMarginTrading: true });
    await eventually('the position is closed', 60_000, async () =>
      (await world.simulator.ledger()).orders.some(({ side, status }) => side === 'SELL' && status === 'FILLED'),
    );
  });
});

describe('a paper bot of an engine that has a key', () => {
  let world: Crafted;
  let db: Client;
  beforeAll(async () => {
    world = await beginCrafted({
      after: calm,
      columns: { mode: 'paper', position_size_perc: null, position_size_fixed: '3000', initial_capital: '10000' },
      engineEnv: { EVENKEEL_PAPER_FEE_PERCENT: '0.075', EVENKEEL_PAPER_SPREAD_PERCENT: '0.02', EVENKEEL_PAPER_SLIPPAGE_PERCENT: '0.05' },
    });
    db = new Client({ connectionString: world.databaseUrl });
    await db.connect();
  });
  afterAll(async () => {
    await db.end();
    await world.end();
  });

  it('signs no order and pays fee, half the spread and slippage to the last digit', async () => {
    await world.simulator.step();
    const trades = async () =>
      (
        await db.query<{ side: string; price: string; quantity: string; fee: string; asset: string }>(
          `select side, trim_scale(price)::text as price, trim_scale(quantity_filled)::text as quantity,
                  trim_scale(commission_amount)::text as fee, commission_asset as asset from trades order by id`,
        )
      ).rows;
    await eventually('the entry is booked', 20_000, async () => (await trades()).length === 1);
    await world.engine.ask('POST', `/v1/bots/${world.botId}/commands`, { command: 'close-position' });
    await eventually('the exit is booked', 20_000, async () => (await trades()).length === 2);
    // 0.01 % + 0.05 % of 30000 is 18; 3000 buy 0.1 at the close that was decided on; the fee comes off what is received.
    expect(await trades()).toEqual(
      [
        { side: 'BUY', price: '30018', quantity: '0.1', fee: '0.000075', asset: 'BTC' },
        { side: 'SELL', price: '29982', quantity: '0.09992', fee: '2.2468510800000000', asset: 'USDT' },
      ].map((trade) => ({ ...trade, fee: String(Number(trade.fee)) === trade.fee ? trade.fee : trade.fee.replace(/0+$/, '') })),
    );
    expect((await world.simulator.state()).actions).toBe(0);
    expect((await world.simulator.ledger()).orders).toEqual([]);
  });
});
