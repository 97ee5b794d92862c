/**
 * `npm run token`: writes a new API token of the installation's owner to the data folder, in place of one that was lost, whether the
 * engine runs or not. The lost one no longer works: nobody knows who has it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, readConfig } from '../engine/config.ts';
import type { Config } from '../engine/config.ts';
import { makeDataFolder } from '../engine/data-folder.ts';
import { createLog } from '../engine/observe/log.ts';
import { reachEmbeddedPostgres } from '../engine/database/embedded-postgres.ts';
import { firstUser } from '../engine/persistence/first-start.ts';
import { openDatabase } from '../engine/database/orm.ts';
import { systemClock } from '../engine/time/clock.ts';
import { replaceFirstToken } from './lost-token.ts';
import { tokenPath, writeToken } from './token-file.ts';

const log = createLog({ level: 'silent' });

async function main(): Promise<void> {
  const config = readConfig(process.env);
  makeDataFolder(config.dataDir);
  const database = config.databaseUrl === null ? await embedded(config) : { url: config.databaseUrl.reveal(), stop: async () => undefined };
  try {
    const orm = await openDatabase({ database: { ...config.database, url: database.url }, clock: systemClock, log, patienceMs: 10_000 });
    try {
      const userId = await firstUser(orm);
      if (userId === null) throw new Error('this installation has never been started, so it has no owner yet');
      await replaceFirstToken(orm, { userId, clock: systemClock, write: (token) => writeToken(config.dataDir, token) });
    } finally {
      await orm.close(true);
    }
  } finally {
    await database.stop();
  }
  process.stdout.write(`A new API token lies in ${tokenPath(config.dataDir)}; the one before it no longer works.\n`);
}

async function embedded(config: Config): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const dataDir = join(config.dataDir, 'postgres');
  if (!existsSync(dataDir)) throw new Error(`there is no installation in ${config.dataDir} yet: npm start makes one, with its token`);
  return reachEmbeddedPostgres({ dataDir, clock: systemClock, log });
}

await main().catch((error: unknown) => {
  process.stderr.write(`No new token: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof ConfigError ? 4 : 1);
});
