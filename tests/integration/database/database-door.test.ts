/** A database that does not let us in is told of at once, and waiting for one ends when it is asked to. */
import { describe, expect, inject, it } from 'vitest';
import { DatabaseRefused, openDatabase } from '../../../engine/database/orm.ts';
import { Interrupted } from '../../../engine/time/waiting.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { databaseOptions, silent } from '../persistence/given.ts';

const open = (url: string, interrupt?: AbortSignal) =>
  openDatabase({ database: databaseOptions(url), clock: systemClock, log: silent, ...(interrupt && { interrupt }) });

describe('opening a database', () => {
  it.each([
    ['a wrong password', (url: URL) => (url.password = 'canary')],
    ['no password', (url: URL) => (url.password = '')],
    ['a user that does not exist', (url: URL) => (url.username = 'nobody')],
  ])('with %s fails at once and says so', async (_, change) => {
    const url = new URL(inject('postgresUrl'));
    change(url);
    const startedAt = performance.now();
    const error = await open(url.href).catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(DatabaseRefused);
    // One that does not answer is waited for for a minute.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(String(error)).toContain('DATABASE_URL');
    expect(String(error)).not.toContain('canary');
  });

  it('that does not answer is given up when the engine is asked to stop', async () => {
    const interrupt = new AbortController();
    const opening = open('postgresql://me@127.0.0.1:1/x', interrupt.signal).catch((refused: unknown) => refused);
    interrupt.abort(new Interrupted());
    expect(await opening).toBeInstanceOf(Interrupted);
  });
});
