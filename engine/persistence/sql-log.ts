/** Logs the statements of connections that the ORM does not own, like the ORM logs its own: their text, never their values. */
import type { ClientBase } from 'pg';
import type { Log } from '../observe/log.ts';

/** From now on. `name` is the connection's, as the server shows it. */
export function logStatements(client: ClientBase, name: string, log: Log): void {
  const ask = client.query.bind(client) as (...asked: readonly unknown[]) => unknown;
  Object.assign(client, {
    query: (...asked: readonly unknown[]): unknown => {
      log.info({ component: 'sql', connection: name }, textOf(asked[0]));
      return ask(...asked);
    },
  });
}

function textOf(asked: unknown): string {
  const text = typeof asked === 'string' ? asked : (asked as { readonly text?: unknown } | null)?.text;
  return typeof text === 'string' ? text.replace(/\s+/g, ' ').trim() : 'a statement without text';
}
