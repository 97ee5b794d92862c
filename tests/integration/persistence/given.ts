/** A database with one user and one bot that this test owns. */
import type { MikroORM } from '@mikro-orm/postgresql';
import { pino } from 'pino';
import type { Pool } from 'pg';
import type { Intent } from '../../../engine/persistence/commit-intents.ts';
import { ensureOwner, seedDemoBots } from '../../../engine/persistence/first-start.ts';
import { openPool } from '../../../engine/database/pools.ts';
import { openDatabase } from '../../../engine/database/orm.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { freshDatabase } from '../../servers/database.ts';
import { d } from '../../unit/trading/given.ts';

export const silent = pino({ level: 'silent' });
export const holder = 'this-engine';

export interface Rows {
  readonly url: string;
  readonly orm: MikroORM;
  readonly pool: Pool;
  readonly userId: string;
  readonly close: () => Promise<void>;
}

export const databaseOptions = (url: string) => ({ url, poolMax: 5, statementTimeoutMs: 10_000, lockTimeoutMs: 5_000, logSql: false });

/** Three bots with ids 1 to 3; none runs. */
export async function openRows(): Promise<Rows> {
  const { url, drop } = await freshDatabase();
  const orm = await openDatabase({ database: databaseOptions(url), clock: systemClock, log: silent });
  const pool = openPool('intents', { url, max: 4, statementTimeoutMs: 10_000, lockTimeoutMs: 5_000, log: silent });
  const { userId } = await ensureOwner(orm, new Date(systemClock.now()));
  await seedDemoBots(orm, userId, new Date(systemClock.now()));
  return {
    url,
    orm,
    pool,
    userId,
    async close() {
      await pool.end();
      await orm.close(true);
      await drop();
    },
  };
}

export function intent(userId: string, change: Partial<Intent> = {}): Intent {
  return {
    botId: '1',
    userId,
    epoch: 1,
    venue: 'simulated',
    account: 'simulated',
    market: 'spot',
    symbol: 'BTCUSDT',
    clientOrderId: 'ektest-1-a-1',
    decisionMs: 1_700_000_000_000,
    role: 'entry',
    exitKind: null,
    attempt: 1,
    side: 'BUY',
    type: 'MARKET',
    quantity: d('0.5'),
    price: null,
    stopPrice: null,
    slot: 0,
    reservation: null,
    saleBounds: null,
    referencePrice: 20_000,
    reason: 'test',
    signedTimestampMs: 1_700_000_000_001,
    recvWindowMs: 3_000,
    ...change,
  };
}
