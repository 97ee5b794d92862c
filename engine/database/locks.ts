/** The advisory locks of the database: all of them, so that no two things take the same number. Engines of older builds take them too. */
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { ClientBase } from 'pg';

const numbers = {
  /** Changes the schema. */
  migrations: 7_311_000,
  /** The one engine of a database without Redis. */
  soleEngine: 7_311_001,
  /** Adds to the audit log, whose rows are chained. */
  auditLog: 7_311_002,
  /** Makes a user's first token, of replicas that start together. */
  firstToken: 7_311_003,
  /** Makes the first user. */
  firstUser: 7_311_004,
  /** Started or adopted the embedded server, and will stop it. */
  embeddedServer: 7_311_005,
} as const;

export type Lock = keyof typeof numbers;

/** For as long as the connection lives. False when another session has it. */
export async function tryLock(client: ClientBase, lock: Lock): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [numbers[lock]]);
  return rows[0]?.taken === true;
}

/** Waits for it, and holds it until the transaction ends. */
export async function lockUntilCommit(em: SqlEntityManager, lock: Lock): Promise<void> {
  await em.getConnection().execute(`select pg_advisory_xact_lock(${numbers[lock]})`, [], 'all', em.getTransactionContext());
}
