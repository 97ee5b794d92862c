/** Databases for tests: a clone of the migrated template, or an empty one. Each test file takes its own. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { inject } from 'vitest';

export const templateName = 'evenkeel_template';

export interface TestDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** Migrated and without rows, but for the installation's. */
export function freshDatabase(): Promise<TestDatabase> {
  return create(`template ${templateName}`);
}

/** Without any table. */
export function emptyDatabase(): Promise<TestDatabase> {
  return create('');
}

async function create(clause: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(`create database ${name} ${clause}`);
  return {
    url: inject('postgresUrl').replace(/\/[^/]*$/, `/${name}`),
    drop: () => onServer(`drop database if exists ${name} with (force)`),
  };
}

/** Clones of one template wait for each other inside the server. */
async function onServer(statement: string): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl').replace(/\/[^/]*$/, '/postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
