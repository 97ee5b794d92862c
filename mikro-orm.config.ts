/** The ORM's configuration for its command line, from the same environment as the engine. */
import { readConfig } from './engine/config.ts';
import { ormOptions } from './engine/database/orm.ts';

const config = readConfig(process.env);

export default ormOptions({ url: config.databaseUrl?.reveal() ?? 'postgresql://127.0.0.1:5432/evenkeel', ...config.database }, (message) =>
  process.stderr.write(`${message}\n`),
);
