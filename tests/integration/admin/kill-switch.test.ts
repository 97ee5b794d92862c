/** The kill switch over the API: who may set what, that a change is one transaction with its audit entry and its news, and what lies in the flag file. */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startKillSwitches } from '../../../engine/kill-switch/control.ts';
import type { KillControl } from '../../../engine/kill-switch/control.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { KillFile } from '../../../engine/kill-switch/file.ts';
import type { RequestedKillSwitch } from '../../../engine/kill-switch/file.ts';
import { writeKillSwitch } from '../../../engine/kill-switch/rows.ts';
import { KillSwitches } from '../../../engine/kill-switch/standing.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { eventually } from '../../e2e/support/processes.ts';
import { silent } from '../persistence/given.ts';
import { openPlane } from './given.ts';
import type { Answer, Plane } from './given.ts';

const engineWide = { scope: 'engine', policy: 'leave', reason: 'test' };

describe.each(['of an engine', 'of an admin process'])('the kill switch %s', (kind) => {
  let plane: Plane;
  let control: KillControl | null = null;
  let heard: Client;
  let news = 0;
  const path = join(mkdtempSync(join(tmpdir(), 'evenkeel-kill-')), 'kill-switch');
  const asOther = () => ({ authorization: `Bearer ${plane.otherToken}` });
  const ask = (body: unknown, headers = {}): Promise<Answer> => plane.ask('POST', '/v1/kill-switch', body, headers);
  /** On a busy machine the row may come after the answer (202). */
  const set = async (body: unknown, headers = {}): Promise<Answer> => {
    const answer = await ask(body, headers);
    if (answer.status !== 202) return answer;
    return eventually('it has a row', 20_000, async () => {
      const { items = [] } = (await plane.ask('GET', '/v1/kill-switch', undefined, headers)).body;
      const newest = items.at(-1);
      return items.every(({ held }) => held === 'everywhere') && newest !== undefined && { ...answer, status: 201, body: newest };
    });
  };
  const listed = async (headers = {}): Promise<unknown[]> => {
    const { body } = await plane.ask('GET', '/v1/kill-switch', undefined, headers);
    return (body.items ?? []).map(({ scope, subject, policy }) => [scope, subject, policy].join(' '));
  };
  const rowsOf = async (sql: string): Promise<unknown[]> => (await plane.rows.pool.query<Record<string, unknown>>(sql)).rows;

  beforeAll(async () => {
    plane = await openPlane(
      kind === 'of an admin process'
        ? {}
        : {
            killSwitchOf: async ({ url, orm }) => {
              const shared = { clock: systemClock, log: silent };
              const file = new KillFile({ ...shared, path, standing: new KillSwitches(shared) });
              control = await startKillSwitches({ ...shared, logSql: false, url, file, metrics: createMetrics(), orm });
              return control;
            },
          },
    );
    heard = new Client({ connectionString: plane.rows.url });
    await heard.connect();
    heard.on('notification', () => (news += 1));
    await heard.query('listen evenkeel_wishes');
  });
  afterAll(async () => {
    await heard.end();
    await control?.stop();
    await plane.close();
  });
  beforeEach(async () => {
    await plane.rows.pool.query('delete from kill_switches');
    await control?.refresh();
    news = 0;
  });

  it('is set, followed, listed, audited and told to engines, and is released once', async () => {
    const answer = await set({ ...engineWide, expires_at: '2100-01-01T00:00:00Z' });
    expect([answer.status, answer.body]).toEqual([
      201,
      expect.objectContaining({ scope: 'engine', subject: null, held: 'everywhere', expires_at: '2100-01-01T00:00:00.000Z' }),
    ]);
    expect(control?.switches.standing.map(({ scope }) => scope) ?? ['engine']).toEqual(['engine']);
    expect([await listed(), existsSync(path)]).toEqual([['engine  leave'], false]);
    const id = String(answer.body['id']);
    const released = await plane.ask('DELETE', `/v1/kill-switch/${id}`);
    expect([released.status, released.body['released_at']]).toEqual([200, expect.any(String)]);
    expect([await listed(), (await plane.ask('DELETE', `/v1/kill-switch/${id}`)).status]).toEqual([[], 404]);
    expect(await rowsOf("select action, subject from audit_log where action like 'kill%' order by id desc limit 2")).toEqual([
      { action: 'kill-switch-released', subject: 'engine:' },
      { action: 'kill-switch-set', subject: 'engine:' },
    ]);
    await heard.query('select 1');
    expect(news).toBe(2);
  });

  it('takes the place of the one that stands for the same subject', async () => {
    await set(engineWide);
    expect((await set({ ...engineWide, policy: 'flatten' })).status).toBe(201);
    expect(await listed()).toEqual(['engine  flatten']);
    expect(await rowsOf('select count(*)::int as n from kill_switches where released_at is null')).toEqual([{ n: 1 }]);
  });

  it('is not set, nor released, when its audit entry cannot be written', async () => {
    const { body } = await set({ scope: 'user', policy: 'leave', reason: 'test' });
    await plane.rows.pool.query(
      `create function no_audit() returns trigger language plpgsql as $$ begin raise exception 'no audit'; end $$;
       create trigger no_audit before insert on audit_log for each row execute function no_audit()`,
    );
    const refused = await ask(engineWide);
    const kept = await plane.ask('DELETE', `/v1/kill-switch/${String(body['id'])}`);
    expect(await rowsOf('select scope from kill_switches where released_at is null')).toEqual([{ scope: 'user' }]);
    await plane.rows.pool.query('drop trigger no_audit on audit_log; drop function no_audit()');
    // An engine holds it all the same, and writes it when it can.
    expect([refused.status, kept.status]).toEqual([control === null ? 503 : 202, 500]);
    const expected = control === null ? ['user 1 leave'] : ['user 1 leave', 'engine  leave'];
    await eventually('it is written', 20_000, async () => !existsSync(path) && (await listed()).length === expected.length);
    expect(await listed()).toEqual(expected);
  });

  it('of the engine and of an account is for owners and admins with an admin token', async () => {
    const account = { scope: 'account', subject: 'simulated', policy: 'leave', reason: 'test' };
    expect([(await set(engineWide, asOther())).status, (await set(account, asOther())).status]).toEqual([403, 403]);
    const { body } = await set(account);
    expect((await plane.ask('DELETE', `/v1/kill-switch/${String(body['id'])}`, undefined, asOther())).status).toBe(403);
    await plane.rows.pool.query(`update api_tokens set scopes = '{read,operate}' where user_id = ${plane.rows.userId}`);
    expect([(await set(engineWide)).status, (await set({ ...engineWide, scope: 'user' })).status]).toEqual([403, 201]);
    await plane.rows.pool.query(`update api_tokens set scopes = '{read,operate,admin}' where user_id = ${plane.rows.userId}`);
  });

  it('of a user and of a bot is for the user alone, and others do not see it', async () => {
    const bot = { scope: 'bot', subject: '2', policy: 'cancel', reason: 'test' };
    expect([(await set(bot, asOther())).status, (await set(bot)).status]).toEqual([404, 201]);
    const { body } = await set({ scope: 'user', policy: 'leave', reason: 'test' });
    expect([await listed(), await listed(asOther())]).toEqual([['bot 2 cancel', `user ${plane.rows.userId} leave`], []]);
    expect((await plane.ask('DELETE', `/v1/kill-switch/${String(body['id'])}`, undefined, asOther())).status).toBe(404);
    expect((await set({ ...bot, scope: 'user', subject: '2' })).status).toBe(422);
  });

  it.each([
    ['nothing', {}, ['scope', 'policy', 'reason']],
    ['a scope and a policy that do not exist', { scope: 'world', policy: 'stop', reason: 'test' }, ['scope', 'policy']],
    [
      'a subject of the engine and a time that is past',
      { ...engineWide, subject: '1', expires_at: '2020-01-01T00:00:00Z' },
      ['subject', 'expires_at'],
    ],
    ['a time that the database cannot write', { ...engineWide, expires_at: '+010000-01-01T00:00:00Z' }, ['expires_at']],
    ['a time that a zone leads there', { ...engineWide, expires_at: '9999-12-31T23:59:59-01:00' }, ['expires_at']],
    ['no account and no time', { ...engineWide, scope: 'account', expires_at: 'soon' }, ['subject', 'expires_at']],
    ['no bot and a blank reason', { ...engineWide, scope: 'bot', subject: 'x', reason: ' ' }, ['subject', 'reason']],
    ['a field that does not exist', { ...engineWide, until: 'tomorrow' }, ['until']],
  ])('with %s is refused, every field named', async (_, body, fields) => {
    const answer = await set(body);
    expect([400, 422]).toContain(answer.status);
    expect(new Set(answer.body.errors?.map(({ field }) => field))).toEqual(new Set(fields));
    expect([await rowsOf('select id from kill_switches'), existsSync(path)]).toEqual([[], false]);
  });

  it('that comes late does not take the place of a later one, and is written once', async () => {
    await set(engineWide);
    const late: RequestedKillSwitch = {
      id: 'late',
      scope: 'engine',
      subject: '',
      policy: 'flatten',
      reason: 'test',
      expiresAtMs: null,
      request: { userId: plane.rows.userId, tokenId: '1', tokenName: 'first', requestId: 'r', atMs: 1_700_000_000_000, ofUserId: null },
    };
    for (let times = 0; times < 2; times += 1) await writeKillSwitch(plane.rows.orm, late);
    expect(await listed()).toEqual(['engine  leave']);
    expect(await rowsOf("select released_by is not null as over from kill_switches where key = 'late'")).toEqual([{ over: true }]);
    expect(await rowsOf("select count(*)::int as n from audit_log where detail->>'key' = 'late'")).toEqual([{ n: 1 }]);
  });

  it('is not set by a token that is revoked while the database is slow to say so', async () => {
    expect((await set({ scope: 'user', policy: 'leave', reason: 'test' })).status).toBe(201); // the token is remembered
    const slow = new Client({ connectionString: plane.rows.url });
    await slow.connect();
    await slow.query('begin; lock table api_tokens in access exclusive mode; update api_tokens set revoked_at = now() where user_id = 1');
    const asked = ask(engineWide);
    // Longer than any one question may take before the engine looks for another sign of life.
    await systemClock.sleep(2_500);
    await slow.query('commit');
    await slow.end();
    const answer = await asked;
    await plane.rows.pool.query('update api_tokens set revoked_at = null');
    expect([answer.status, existsSync(path)]).toEqual([kind === 'of an engine' ? 401 : 503, false]);
    expect(await rowsOf("select id from kill_switches where scope = 'engine'")).toEqual([]);
  });

  it.runIf(kind === 'of an engine')('that was set by hand is listed with the way to release it', async () => {
    writeFileSync(path, '{"scope":"engine","policy":"cancel"}');
    await systemClock.sleep(600);
    const { body } = await plane.ask('GET', '/v1/kill-switch');
    expect(body.items).toEqual([
      expect.objectContaining({ id: null, policy: 'cancel', held: 'this-engine', note: `remove ${path} to release it` }),
    ]);
    expect(await rowsOf('select id from kill_switches')).toEqual([]);
  });
});
