/** `npm run migration:up`: applies what is missing, as the engine does when it starts. */
import { randomInt } from 'node:crypto';
import { readConfig } from '../../engine/config.ts';
import { reachNothing } from '../../engine/crash-points.ts';
import { createLog } from '../../engine/observe/log.ts';
import { migrateDatabase } from '../../engine/database/migrate.ts';
import { openDatabase } from '../../engine/database/orm.ts';
import { systemClock } from '../../engine/time/clock.ts';

const config = readConfig(process.env);
if (config.databaseUrl === null) {
  process.stderr.write('Set DATABASE_URL to the database whose schema shall be brought up to date.\n');
  process.exit(2);
}
const url = config.databaseUrl.reveal();
const log = createLog({ level: config.logLevel });
const orm = await openDatabase({ database: { url, ...config.database }, clock: systemClock, log });
try {
  const { applied, schemaVersion } = await migrateDatabase(orm, {
    url,
    clock: systemClock,
    log,
    reach: reachNothing,
    randomBelow: randomInt,
  });
  process.stdout.write(
    `${applied.length === 0 ? 'Nothing to apply' : `Applied ${applied.join(', ')}`}; the schema is at ${schemaVersion}.\n`,
  );
} finally {
  await orm.close(true);
}
