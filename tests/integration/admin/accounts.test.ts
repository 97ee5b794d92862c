/** Caps of an account over the API: set, read, audited, refused field by field, and for owners only. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPlane } from './given.ts';
import type { Plane } from './given.ts';

let plane: Plane;
beforeAll(async () => {
  plane = await openPlane();
});
afterAll(() => plane.close());

const url = '/v1/accounts/simulated/limits';
const caps = { quote_asset: 'USDT', max_exposure: '5000.50', max_daily_loss: '200' };
const auditRows = async (): Promise<number> => (await plane.written())['audit'] ?? 0;

describe('the limits of an account', () => {
  it('are set, read back, changed and audited', async () => {
    const before = await auditRows();
    const set = await plane.ask('PUT', url, caps);
    expect([set.status, set.body.items]).toEqual([
      200,
      [
        {
          quote_asset: 'USDT',
          max_exposure: '5000.5',
          max_daily_loss: '200',
          free: null,
          read_at: null,
          reserved: '0',
          day_result: null,
          entries_closed_until: null,
        },
      ],
    ]);
    await plane.ask('PUT', url, { ...caps, max_exposure: null });
    expect((await plane.ask('GET', url)).body.items).toMatchObject([{ max_exposure: null, max_daily_loss: '200' }]);
    expect(await auditRows()).toBe(before + 2);
    const { rows } = await plane.rows.pool.query<{ action: string; subject: string }>(
      'select action, subject from audit_log order by id desc limit 1',
    );
    expect(rows[0]).toEqual({ action: 'set-account-limits', subject: 'account:simulated' });
  });

  it('show what closed the day, and a new cap opens it', async () => {
    await plane.ask('PUT', url, caps);
    const todayMs = Math.floor(Date.now() / 86_400_000) * 86_400_000;
    await plane.rows.pool.query(
      `insert into account_capital (venue, account, asset, free, read_at, version, loss_reached_ms, updated_at)
       values ('simulated', 'simulated', 'USDT', 123.5, now(), 1, $1, now())`,
      [todayMs],
    );
    expect((await plane.ask('GET', url)).body.items).toMatchObject([
      { free: '123.5', entries_closed_until: new Date(todayMs + 86_400_000).toISOString() },
    ]);
    expect((await plane.ask('PUT', url, { ...caps, max_daily_loss: '300' })).body.items).toMatchObject([
      { max_daily_loss: '300', entries_closed_until: null },
    ]);
  });

  it('are refused with every field that is wrong, and nothing is written', async () => {
    const before = [await auditRows(), (await plane.ask('GET', url)).body.items];
    const answer = await plane.ask('PUT', url, { quote_asset: 'NOSUCH', max_exposure: '0', max_daily_loss: 'much' });
    expect([answer.status, answer.headers['content-type']]).toEqual([422, expect.stringContaining('application/problem+json')]);
    expect(answer.body.errors?.map(({ field }) => field).sort()).toEqual(['max_daily_loss', 'max_exposure', 'quote_asset']);
    const missing = await plane.ask('PUT', url, { quote_asset: 'USDT' });
    expect([missing.status, missing.body.errors?.map(({ field }) => field).sort()]).toEqual([400, ['max_daily_loss', 'max_exposure']]);
    expect([await auditRows(), (await plane.ask('GET', url)).body.items]).toEqual(before);
  });

  it.each(['GET', 'PUT'] as const)('are not found for another account (%s)', async (method) => {
    const answer = await plane.ask(method, '/v1/accounts/elsewhere/limits', method === 'PUT' ? caps : undefined);
    expect(answer.status).toBe(404);
  });

  it.each(['GET', 'PUT'] as const)('are refused to an operator (%s)', async (method) => {
    const answer = await plane.ask(method, url, method === 'PUT' ? caps : undefined, { authorization: `Bearer ${plane.otherToken}` });
    expect(answer.status).toBe(403);
  });
});
