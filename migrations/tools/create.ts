/** `npm run migration:create [name]`: writes the migration that brings the newest snapshot to the entities. Needs no data, only DATABASE_URL. */
import { MikroORM } from '@mikro-orm/postgresql';
import config from '../../mikro-orm.config.ts';

const orm = await MikroORM.init(config);
try {
  const created = await orm.migrator.create(undefined, false, false, process.argv[2]);
  process.stdout.write(
    created.fileName === ''
      ? 'The entities and the migrations agree; nothing was written.\n'
      : `Wrote ${created.fileName}. Read it before you commit it.\n`,
  );
} finally {
  await orm.close(true);
}
