/** MikroORM's own command line, as somebody uses it who knows MikroORM and not us. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { plainEnv } from '../../e2e/support/processes.ts';
import { emptyDatabase } from '../../servers/database.ts';

const run = async (url: string, ...args: readonly string[]): Promise<string> => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['node_modules/@mikro-orm/cli/cli.js', ...args], {
    env: { ...plainEnv(), DATABASE_URL: url },
  });
  return stdout + stderr;
};

it('finds the configuration, migrates an empty database, and would drop none of what migrations wrote by hand', async () => {
  const { url, drop } = await emptyDatabase();
  try {
    expect(await run(url, 'migration:up')).toMatch(/migrated/i);
    const planned = await run(url, 'schema:update', '--dump', '--drop-tables');
    expect(planned).not.toMatch(/drop|alter/i);
    const client = new Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query<{ name: string }>(
      `select proname as name from pg_proc where pronamespace = 'public'::regnamespace order by 1`,
    );
    await client.end();
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['admit_entries', 'share_of']));
  } finally {
    await drop();
  }
});
