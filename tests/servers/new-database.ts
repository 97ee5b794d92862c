/** Makes databases on a PostgreSQL that runs: clones of the migrated template, or empty ones. */
import { randomBytes, randomInt } from 'node:crypto';
import { Client } from 'pg';
import { newInstallationCode } from '../../engine/database/migrate.ts';

export const templateName = 'evenkeel_template';

export interface TestDatabase {
  readonly url: string;
  readonly drop: () => Promise<void>;
}

/** `serverUrl` names any database of the server. Each is an installation of its own: Redis keeps what it knows of a venue by the code. */
export async function newDatabase(serverUrl: string, kind: 'migrated' | 'empty'): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, `create database ${name} ${kind === 'migrated' ? `template ${templateName}` : ''}`);
  const url = serverUrl.replace(/\/[^/]*$/, `/${name}`);
  if (kind === 'migrated') await query(url, `update installations set code = '${newInstallationCode(randomInt)}'`);
  return {
    url,
    drop: () => onServer(serverUrl, `drop database if exists ${name} with (force)`),
  };
}

/** Clones of one template wait for each other inside the server. */
export function onServer(serverUrl: string, statement: string): Promise<void> {
  return query(serverUrl.replace(/\/[^/]*$/, '/postgres'), statement);
}

async function query(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
