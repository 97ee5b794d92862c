/** A bot whose rows were tampered with crashes alone: the others trade on, and it comes back when its rows are right again. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startEngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { beginReplay, endReplay } from './support/replay.ts';
import type { Replay } from './support/replay.ts';

describe('a poisoned bot', () => {
  let replay: Replay;
  let db: Client;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    replay = await beginReplay({ databaseUrl: database.url, redisUrl: `${inject('redisUrl')}/5` });
    db = new Client({ connectionString: database.url });
    await db.connect();
  });

  afterAll(async () => {
    await db.end();
    await endReplay(replay);
    await drop();
  });

  it('crashes alone and says why', async () => {
    const poisoned = replay.bots.get('rsi') ?? '';
    const bot = async () => replay.engine.ask<{ status_message: string; is_running: boolean }>('GET', `/v1/bots/${poisoned}`);
    const setQuantity = (quantity: string) =>
      db.query(
        `update bot_state set state_data = state_data || jsonb_build_object('position', jsonb_build_object('quantity', $2::text, 'cost', '0', 'entryFees', '0', 'openedAtMs', null)) where bot_config_id = $1`,
        [poisoned, quantity],
      );

    await replay.engine.process.end('SIGTERM');
    await setQuantity('999');
    replay.engine = await startEngineProcess(replay.engineEnv, replay.dataDir);
    await eventually('it says why it crashed', 20_000, async () => /crashed: .*bot_state says 999/.test((await bot()).status_message));
    await eventually('the others run', 10_000, async () => (await replay.engine.status()).botsRunning === 3);

    await setQuantity('0');
    await eventually('it runs again', 30_000, async () => (await replay.engine.status()).botsRunning === 4);
    expect(await bot()).toMatchObject({ is_running: true });
  });
});
