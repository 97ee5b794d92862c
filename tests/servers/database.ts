/** Databases for tests: a clone of the migrated template, or an empty one. Each test file takes its own. */
import { inject } from 'vitest';
import { newDatabase } from './new-database.ts';
import type { TestDatabase } from './new-database.ts';

/** Migrated and without rows, but for the installation's. */
export function freshDatabase(): Promise<TestDatabase> {
  return newDatabase(inject('postgresUrl'), 'migrated');
}

/** Without any table. */
export function emptyDatabase(): Promise<TestDatabase> {
  return newDatabase(inject('postgresUrl'), 'empty');
}
