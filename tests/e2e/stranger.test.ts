/** Somebody else trades on the account: what is theirs is never touched, and what they take from the bots is seen. */
import { Decimal } from 'decimal.js';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startEngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { beginReplay, drive, endReplay, lockTtlMs, predictedTrades, settled, standsAt } from './support/replay.ts';
import type { Replay } from './support/replay.ts';
import type { LedgerOrder } from './support/simulator-process.ts';
import { placeByHand } from './support/trader.ts';

describe('a stranger on the account', () => {
  let replay: Replay;
  let db: Client;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    replay = await beginReplay({
      databaseUrl: database.url,
      redisUrl: `${inject('redisUrl')}/8`,
      engineEnv: { EVENKEEL_AUDIT_INTERVAL_MS: '500' },
    });
    db = new Client({ connectionString: database.url });
    await db.connect();
  });

  afterAll(async () => {
    await db.end();
    await endReplay(replay);
    await drop();
  });

  const messages = async (): Promise<readonly string[]> =>
    (await db.query<{ message: string }>('select status_message as message from bot_state order by bot_config_id')).rows.map(
      (row) => row.message,
    );
  const entries = async (): Promise<number> =>
    Number((await db.query<{ n: string }>(`select count(*) as n from orders where role = 'entry'`)).rows[0]?.n);
  const foreign = async (): Promise<readonly LedgerOrder[]> =>
    (await replay.simulator.ledger()).orders.filter(
      (order) => !order.clientOrderId.startsWith('ek') || order.clientOrderId.startsWith('ek0000'),
    );

  it('keeps open orders that are not ours, and those of another installation, through trading, restarts and take-overs', async () => {
    const resting = { symbol: 'BTCUSDT', side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.01', price: '15000' };
    await placeByHand(replay.simulator, { ...resting, newClientOrderId: 'web_1' });
    await placeByHand(replay.simulator, { ...resting, newClientOrderId: 'ek0000-1-abce-1' });
    const before = await foreign();
    expect(before.map((order) => order.status)).toEqual(['NEW', 'NEW']);
    await drive(replay, 30);
    await replay.engine.process.end('SIGKILL');
    replay.engine = await startEngineProcess(replay.engineEnv, replay.dataDir);
    await settled(replay, await standsAt(replay), lockTtlMs + 20_000);
    await drive(replay, 10);
    expect(await foreign()).toEqual(before);
    expect((await messages()).filter((message) => message.includes('cannot be told'))).toEqual([]);
  });

  /** Candles pass and every bot decides on each; what it may not be able to sell just then is not waited for. */
  const pass = async (candles: number): Promise<void> => {
    for (let index = 0; index < candles; index += 1) {
      await replay.simulator.step();
      const closeMs = await standsAt(replay);
      await eventually('every bot has decided', 15_000, async () => {
        const { rows } = await db.query<{ n: number }>(
          'select count(*)::int as n from bot_state where last_execution >= to_timestamp($1::float8 / 1000)',
          [closeMs],
        );
        return rows[0]?.n === replay.bots.size;
      });
    }
  };

  it('who sells what the bots hold closes their entries, with both numbers to be read; it opens when the coins are back', async () => {
    const holds = predictedTrades(replay, 400)
      .filter((trade) => trade.side === 'BUY')
      .map((trade) => (trade.decidedAtMs + 1 - replay.startMs) / 60_000)
      .find((at) => at > 42);
    if (holds === undefined) throw new Error('no entry ahead');
    await drive(replay, holds - 40 + 1);
    const { rows } = await db.query<{ held: string }>(
      `select sum(coalesce((state_data->'position'->>'quantity')::numeric, 0))::text as held from bot_state`,
    );
    const held = Number(rows[0]?.held);
    expect(held).toBeGreaterThan(0.2);
    await placeByHand(replay.simulator, { symbol: 'BTCUSDT', side: 'SELL', type: 'MARKET', quantity: '0.1', newClientOrderId: 'web_2' });
    const told = await eventually('every bot says so', 15_000, async () => {
      const all = await messages();
      return all.every((message) => message.includes('somebody else sold')) ? all : null;
    });
    const balance = (await replay.simulator.ledger()).balances.find((one) => one.asset === 'BTC');
    expect(told[0]).toContain(`hold ${held} BTC together`);
    const owned = new Decimal(balance?.free ?? 0).plus(balance?.locked ?? 0).toFixed();
    expect(told[0]).toContain(`has ${owned} BTC`);
    const metrics = await (await fetch(`${/Metrics: (\S+)/.exec(replay.engine.process.output())?.[1]}`)).text();
    expect(metrics).toContain(`evenkeel_reconcile_position{asset="BTC",of="bots"} ${held}`);
    expect(metrics).toMatch(/evenkeel_reconcile_drift_total\{kind="position"\} 1/);

    const before = await entries();
    await pass(3);
    expect(await entries()).toBe(before);
    // Also for whoever takes the bots over, from the first moment.
    await replay.engine.process.end('SIGKILL');
    replay.engine = await startEngineProcess(replay.engineEnv, replay.dataDir);
    await eventually('all bots run again', lockTtlMs + 20_000, async () => (await replay.engine.status()).botsRunning === replay.bots.size);
    await pass(1);
    // A bot that wants to sell what is gone says that instead, once the exchange has refused it.
    const after = await eventually('every bot says why it does nothing', 15_000, async () => {
      const all = await messages();
      return all.every((message) => /somebody else sold|exit order was not filled/.test(message)) ? all : null;
    });
    expect(after.some((message) => message.includes('somebody else sold'))).toBe(true);
    expect(await entries()).toBe(before);

    await placeByHand(replay.simulator, { symbol: 'BTCUSDT', side: 'BUY', type: 'MARKET', quantity: '0.11', newClientOrderId: 'web_3' });
    await eventually('entries are open again', 15_000, async () => {
      await pass(1);
      return (await messages()).every((message) => !message.includes('somebody else sold'));
    });
  });
});
