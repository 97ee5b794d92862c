/** `EVENKEEL_LOG_SQL` shows what every connection asks, not only the ORM's. */
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { openPool } from '../../../engine/database/pools.ts';
import { WishChannel } from '../../../engine/database/wish-channel.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { freshDatabase } from '../../servers/database.ts';
import { databaseOptions } from '../persistence/given.ts';

it('tells the statements of each small pool and of the channel of wishes, without their values', async () => {
  const { url, drop } = await freshDatabase();
  const lines: string[] = [];
  const log = pino({}, new Writable({ write: (line: Buffer, _encoding, done) => (lines.push(line.toString()), done()) }));
  const options = { ...databaseOptions(url), logSql: true, log, max: 1 };
  const pools = [openPool('intents', options), openPool('decisions', { ...options, max: 2 })];
  const channel = new WishChannel({
    ...options,
    clock: systemClock,
    exclusive: false,
    onWish: () => undefined,
    onLostExclusive: () => undefined,
  });
  try {
    for (const pool of pools) await pool.query('select 1 as one where $1 <> $2', ['secret-value', '']);
    await channel.start();
    const told = lines.map((line) => JSON.parse(line) as { connection?: string; msg: string });
    expect(told.map(({ connection, msg }) => `${connection ?? ''}: ${msg}`)).toEqual([
      'evenkeel-intents: select 1 as one where $1 <> $2',
      'evenkeel-decisions: select 1 as one where $1 <> $2',
      expect.stringContaining('evenkeel-wishes: listen'),
    ]);
    expect(lines.join('')).not.toContain('secret-value');
  } finally {
    await channel.stop();
    for (const pool of pools) await pool.end();
    await drop();
  }
});
