/** Orders that were declared never placed and appear all the same: the bot is held until a user resumes it, nothing is lost. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startEngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import {
  beginReplay,
  compareWithLedger,
  drive,
  endReplay,
  lockTtlMs,
  noDifference,
  predictedTrades,
  settled,
  standsAt,
} from './support/replay.ts';
import type { Replay } from './support/replay.ts';
import { placeByHand } from './support/trader.ts';

describe('an order that was declared never placed', () => {
  let replay: Replay;
  let db: Client;
  let drop: () => Promise<void>;
  let driven = 0;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    replay = await beginReplay({ databaseUrl: database.url, redisUrl: `${inject('redisUrl')}/6` });
    db = new Client({ connectionString: database.url });
    await db.connect();
  });

  afterAll(async () => {
    await db.end();
    await endReplay(replay);
    await drop();
  });

  /** Drives to the next entry of `ema_cross` and lets its order be lost on the way; answers its row. */
  const loseAnEntry = async (): Promise<{ botId: string; clientOrderId: string; quantity: string }> => {
    const next = predictedTrades(replay, driven + 400)
      .filter((trade) => trade.side === 'BUY')
      .map((trade) => (trade.decidedAtMs + 1 - replay.startMs) / 60_000)
      .find((at) => at > driven);
    if (next === undefined) throw new Error('no entry ahead');
    await drive(replay, next - driven - 1);
    await replay.simulator.fault({ kind: 'order-5xx', executed: false, count: 4 });
    await drive(replay, 1);
    await replay.simulator.clearFaults();
    driven = next;
    const { rows } = await db.query<{ botId: string; clientOrderId: string; quantity: string }>(
      `select bot_config_id::text as "botId", client_order_id as "clientOrderId", quantity::text from orders
       where state = 'never-placed' and bot_config_id = $1 and role = 'entry' order by id desc limit 1`,
      [replay.bots.get('ema_cross')],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('no order was declared never placed');
    return row;
  };
  const status = async (botId: string): Promise<{ message: string; held: string | null }> => {
    const { rows } = await db.query<{ message: string; held: string | null }>(
      `select status_message as message, state_data->>'heldReason' as held from bot_state where bot_config_id = $1`,
      [botId],
    );
    return rows[0] ?? { message: '', held: null };
  };
  const stateOf = async (id: string): Promise<string | undefined> =>
    (await db.query<{ state: string }>('select state from orders where client_order_id = $1', [id])).rows[0]?.state;

  it('and is still open when it appears is cancelled, and its bot enters nothing until a user resumes it', async () => {
    const { botId, clientOrderId } = await loseAnEntry();
    await placeByHand(replay.simulator, {
      symbol: 'BTCUSDT',
      side: 'BUY',
      type: 'LIMIT',
      timeInForce: 'GTC',
      quantity: '0.01',
      price: '15000',
      newClientOrderId: clientOrderId,
    });
    const held = await eventually('the bot is held', 10_000, async () => {
      const told = await status(botId);
      return told.held !== null && told.message.includes('never placed') ? told : null;
    });
    expect(held.message).toContain(clientOrderId);
    await eventually('the order is cancelled and its row says so', 10_000, async () => (await stateOf(clientOrderId)) === 'cancelled');
    expect((await replay.simulator.ledger()).orders.find((order) => order.clientOrderId === clientOrderId)?.status).toBe('CANCELED');

    const entries = async (): Promise<number> =>
      Number(
        (await db.query<{ n: string }>(`select count(*) as n from orders where role = 'entry' and bot_config_id = $1`, [botId])).rows[0]?.n,
      );
    const before = await entries();
    const missed = predictedTrades(replay, driven + 60).filter(
      (trade) => trade.side === 'BUY' && trade.decidedAtMs >= replay.startMs + driven * 60_000,
    );
    expect(missed.length).toBeGreaterThan(0);
    await drive(replay, 60);
    driven += 60;
    expect(await entries()).toBe(before);
    await replay.engine.ask('POST', `/v1/bots/${botId}/commands`, { command: 'resume' });
    await eventually('it is not held any more', 10_000, async () => (await status(botId)).held === null);
    expect(await compareWithLedger(replay)).toEqual(noDifference);
  });

  it('and was executed is adopted, also when nobody listened; the next owner finds it before it trades', async () => {
    const { botId, clientOrderId, quantity } = await loseAnEntry();
    await replay.engine.process.end('SIGKILL');
    await placeByHand(replay.simulator, {
      symbol: 'BTCUSDT',
      side: 'BUY',
      type: 'MARKET',
      quantity: Number(quantity).toString(),
      newClientOrderId: clientOrderId,
    });
    replay.engine = await startEngineProcess(replay.engineEnv, replay.dataDir);
    await settled(replay, await standsAt(replay), lockTtlMs + 20_000);
    expect(await stateOf(clientOrderId)).toBe('filled');
    expect(await status(botId)).toMatchObject({
      held: expect.stringContaining(clientOrderId) as string,
      message: expect.stringContaining('never placed') as string,
    });
    expect(await compareWithLedger(replay)).toEqual(noDifference);
    // Held through another restart, and its position is managed all the same.
    await replay.engine.process.end('SIGKILL');
    replay.engine = await startEngineProcess(replay.engineEnv, replay.dataDir);
    await settled(replay, await standsAt(replay), lockTtlMs + 20_000);
    expect((await status(botId)).held).toContain(clientOrderId);
    await drive(replay, 80);
    driven += 80;
    const { rows } = await db.query<{ role: string }>('select role from orders where bot_config_id = $1 order by id desc limit 1', [botId]);
    expect(rows).toEqual([{ role: 'exit' }]);
    expect(await compareWithLedger(replay)).toEqual(noDifference);
  });
});
