/** What an error says about the database: nobody there, too busy, or nothing of the kind. */
import { createServer } from 'node:net';
import { once } from 'node:events';
import { Client, Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import { databaseTrouble, isSqlState } from '../../../engine/database/trouble.ts';

const withCode = (code: string): Error => Object.assign(new Error('x'), { code });

describe('the trouble of a database', () => {
  it.each([
    ['ECONNREFUSED', 'away'],
    ['EPIPE', 'away'],
    ['57P01', 'away'],
    ['57P03', 'away'],
    ['08006', 'away'],
    ['55P03', 'busy'],
    ['57014', 'busy'],
    ['53300', 'busy'],
    ['23505', null],
    ['42P01', null],
    ['ENOENT', null],
  ])('%s is %s', (code, expected) => {
    expect(databaseTrouble(withCode(code))).toBe(expected);
    expect(databaseTrouble(new Error('wrapped', { cause: withCode(code) }))).toBe(expected);
  });

  it('is away when nobody listens, when the server falls silent, and when it hangs up', async () => {
    const refused = await new Client({ host: '127.0.0.1', port: 1 }).connect().catch((error: unknown) => error);
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    const rude = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await Promise.all([once(silent, 'listening'), once(rude, 'listening')]);
    const ask = (server: typeof silent): Promise<unknown> => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const pool = new Pool({ host: '127.0.0.1', port, connectionTimeoutMillis: 100 });
      return pool.query('select 1').catch((error: unknown) => error);
    };
    const heard = [refused, await ask(silent), await ask(rude)];
    silent.close();
    rude.close();
    expect(heard.map(databaseTrouble)).toEqual(['away', 'away', 'away']);
  });

  it('is nothing for an error of our own', () => {
    expect([databaseTrouble(new TypeError('x is not a function')), databaseTrouble('text'), databaseTrouble(null)]).toEqual([
      null,
      null,
      null,
    ]);
  });

  it.each([
    ['23505', true],
    ['P0001', true],
    ['XX000', true],
    ['EPIPE', false],
    ['EBUSY', false],
    [23505, false],
  ])('%s is the server’s own code: %s', (code, expected) => {
    expect(isSqlState(code)).toBe(expected);
  });
});
