/** An engine dies with an order on the wire, and its bots are switched off before anybody takes them over: the order still finds its end. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../servers/database.ts';
import { startEngineProcess } from './support/engine-process.ts';
import { eventually } from './support/processes.ts';
import { beginReplay, compareWithLedger, endReplay, noDifference } from './support/replay.ts';
import type { Replay } from './support/replay.ts';

describe('bots that are switched off while their engine is dead', () => {
  let replay: Replay;
  let db: Client;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    replay = await beginReplay({
      databaseUrl: database.url,
      redisUrl: `${inject('redisUrl')}/12`,
      engineEnv: { EVENKEEL_CRASH_AT: 'CP4' },
    });
    db = new Client({ connectionString: database.url });
    await db.connect();
  });

  afterAll(async () => {
    await db.end();
    await endReplay(replay);
    await drop();
  });

  it('leave no order without its end, no fill without its row and no holder behind', async () => {
    let alive = true;
    void replay.engine.process.exited.then(() => {
      alive = false;
    });
    await eventually('the engine dies with an order on the wire', 60_000, async () => {
      if (alive) await replay.simulator.step();
      return !alive;
    });
    await db.query('update bot_configs set is_active = false');
    const engineEnv = Object.fromEntries(Object.entries(replay.engineEnv).filter(([name]) => name !== 'EVENKEEL_CRASH_AT'));
    replay.engine = await startEngineProcess(engineEnv, replay.dataDir);
    await eventually('nobody holds a bot that has nothing at the exchange, and every order has its end', 30_000, async () => {
      const { rows } = await db.query<{ held: string; open: string }>(
        `select (select count(*) from bot_state s where (lock_holder is not null or is_running)
                   and not exists (select 1 from orders o where o.bot_config_id = s.bot_config_id and state = 'accepted' and role in ('stop', 'target')))::text as held,
                (select count(*) from orders where state in ('intended', 'unknown') or (state = 'accepted' and role in ('entry', 'exit')))::text as open`,
      );
      return rows[0]?.held === '0' && rows[0].open === '0';
    });
    const { rows } = await db.query<{ n: string }>('select count(*)::text as n from orders');
    expect(Number(rows[0]?.n)).toBeGreaterThan(0);
    expect(await compareWithLedger(replay)).toEqual(noDifference);
  });
});
