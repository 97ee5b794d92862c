/** Settings of others change nothing: the session says itself what it relies on. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { User } from '../../../entities/index.ts';
import { reachNothing } from '../../../engine/crash-points.ts';
import { ensureOwner, seedDemoBots } from '../../../engine/persistence/first-start.ts';
import { openPool } from '../../../engine/database/pools.ts';
import { migrateDatabase } from '../../../engine/database/migrate.ts';
import { openDatabase } from '../../../engine/database/orm.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { emptyDatabase } from '../../servers/database.ts';
import { databaseOptions, silent } from '../persistence/given.ts';

const foreign: readonly (readonly [string, string])[] = [
  ['DateStyle', "'SQL, DMY'"],
  ['IntervalStyle', "'iso_8601'"],
  ['TimeZone', "'Asia/Kathmandu'"],
  ['search_path', 'elsewhere, public'],
  ['extra_float_digits', '-10'],
  ['bytea_output', "'escape'"],
  ['standard_conforming_strings', 'off'],
  ['transform_null_equals', 'on'],
  ['lc_numeric', "'C.UTF-8'"],
];
const atMs = Date.UTC(2026, 1, 3, 4, 5, 6, 789);

describe.each(['database', 'role'])('a %s that is set up for somebody else', (of) => {
  let url: string;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ url, drop } = await emptyDatabase());
    const client = new Client({ connectionString: url });
    await client.connect();
    const name = url.split('/').at(-1) ?? '';
    // It would hide our table if it were found first.
    await client.query('create schema elsewhere; create table elsewhere.users (id int)');
    const { rows } = await client.query<{ role: string }>('select current_user as role');
    for (const [setting, value] of foreign)
      await client.query(
        of === 'database'
          ? `alter database ${name} set ${setting} = ${value}`
          : `alter role ${rows[0]?.role ?? ''} in database ${name} set ${setting} = ${value}`,
      );
    await client.end();
  });
  afterAll(() => drop());

  it('is migrated, written and read as any other', async () => {
    const orm = await openDatabase({ database: databaseOptions(url), clock: systemClock, log: silent });
    await migrateDatabase(orm, { url, clock: systemClock, log: silent, reach: reachNothing, randomBelow: () => 0 });
    const { userId, created } = await ensureOwner(orm, new Date(atMs));
    await seedDemoBots(orm, userId, new Date(atMs));
    expect([created, (await orm.em.fork().findOneOrFail(User, userId)).createdAt.getTime()]).toEqual([true, atMs]);
    const ask = `select u.created_at, u.created_at::text as text, (0.1::float8 + 0.2::float8) as sum, '\\x' as plain,
                        current_schemas(false)::text as path, (select count(*)::int from bot_configs) as bots from users u`;
    const expected = {
      created_at: new Date(atMs),
      text: '2026-02-03 04:05:06.789+00',
      sum: 0.1 + 0.2,
      plain: '\\x',
      path: '{public}',
      bots: 3,
    };
    const options = { ...databaseOptions(url), log: silent };
    const [intents, decisions] = [openPool('intents', { ...options, max: 1 }), openPool('decisions', { ...options, max: 2 })];
    const heard = [
      (await orm.em.getConnection().execute<Record<string, unknown>[]>(ask))[0],
      (await intents.query<Record<string, unknown>>(ask)).rows[0],
      (await decisions.query<Record<string, unknown>>(ask)).rows[0],
    ];
    await Promise.all([intents.end(), decisions.end(), orm.close(true)]);
    for (const row of heard.map((one) => ({ ...one, created_at: new Date(String(one?.['created_at'])) }))) {
      expect({ ...row, created_at: null }).toEqual({ ...expected, created_at: null });
      expect(Math.abs(row.created_at.getTime() - atMs)).toBeLessThan(1_000);
    }
  });
});
