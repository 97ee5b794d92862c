/** What happens to a position while no engine runs: an exit that the strategy would have asked for is made at the restart. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startEngineProcess } from './support/engine-process.ts';
import {
  beginReplay,
  compareWithLedger,
  drive,
  endReplay,
  noDifference,
  predictedTrades,
  settled,
  standsAt,
  storedTrades,
} from './support/replay.ts';
import type { Replay } from './support/replay.ts';

describe('a bot that was away', () => {
  let replay: Replay;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    replay = await beginReplay({ databaseUrl: database.url, redisUrl: `${inject('redisUrl')}/4` });
  });

  afterAll(async () => {
    await endReplay(replay);
    await drop();
  });

  it('sells when it is back, because the averages crossed down meanwhile, and does not make up for entries', async () => {
    const predicted = predictedTrades(replay, 400);
    // An exit after which nothing is entered for a while: the engine misses it and comes back before the next entry.
    const index = predicted.findIndex(
      (trade, at) => trade.side === 'SELL' && at > 2 && (predicted[at + 1]?.decidedAtMs ?? 0) - trade.decidedAtMs > 6 * 60_000,
    );
    const exit = predicted[index];
    if (exit === undefined) throw new Error('these candles have no such exit');
    const candle = (exit.decidedAtMs + 1 - replay.startMs) / 60_000 - 1;
    await drive(replay, candle);
    expect(await storedTrades(replay)).toEqual(predicted.slice(0, index));
    await replay.engine.process.end('SIGKILL');
    await replay.simulator.step(4);
    replay.engine = await startEngineProcess(replay.engineEnv, replay.dataDir);
    await settled(replay, await standsAt(replay));
    const trades = await storedTrades(replay);
    expect(trades.slice(0, index)).toEqual(predicted.slice(0, index));
    expect(trades.slice(index).map((trade) => [trade.side, trade.quantity])).toEqual([['SELL', exit.quantity]]);
    const { items } = await replay.engine.ask<{ items: { role: string; reason: string }[] }>(
      'GET',
      `/v1/bots/${replay.bots.get('ema_cross') ?? ''}/orders?limit=1`,
    );
    expect(items[0]?.reason).toMatch(/fast EMA crossed below slow EMA at .* while the bot was away/);
    expect(await compareWithLedger(replay)).toEqual(noDifference);
  });
});
