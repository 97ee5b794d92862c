/** Makes databases on a PostgreSQL that runs: clones of the migrated template, or empty ones. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

export const templateName = 'evenkeel_template';

export interface TestDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** `serverUrl` names any database of the server. */
export async function newDatabase(serverUrl: string, kind: 'migrated' | 'empty'): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, `create database ${name} ${kind === 'migrated' ? `template ${templateName}` : ''}`);
  return {
    url: serverUrl.replace(/\/[^/]*$/, `/${name}`),
    drop: () => onServer(serverUrl, `drop database if exists ${name} with (force)`),
  };
}

/** Clones of one template wait for each other inside the server. */
export async function onServer(serverUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl.replace(/\/[^/]*$/, '/postgres') });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
