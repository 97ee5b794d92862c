/** Who gets in, and how far: roles on every route, guesses, connections that say nothing, host names of the second listener, a database that is away. */
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureFirstToken } from '../../../admin/tokens.ts';
import { User } from '../../../entities/index.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { eventually } from '../../e2e/support/processes.ts';
import { openPlane } from './given.ts';
import type { Answer, Plane } from './given.ts';

let plane: Plane;
beforeAll(async () => {
  plane = await openPlane();
});
afterAll(() => plane.close());

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Role = User['role'];

async function tokenOf(role: Role): Promise<string> {
  const now = new Date(systemClock.now());
  const em = plane.rows.orm.em.fork();
  const user = em.create(User, {
    email: `${role}-${String(systemClock.monotonic())}@localhost`,
    hashedPassword: '!',
    isActive: true,
    role,
    resetToken: null,
    resetTokenExpires: null,
    createdAt: now,
    updatedAt: now,
  });
  await em.flush();
  const tokens: string[] = [];
  await ensureFirstToken(plane.rows.orm, { userId: user.id, clock: systemClock, write: (token) => void tokens.push(token) });
  return tokens[0] ?? '';
}

describe('a role', () => {
  const reads: readonly Role[] = ['owner', 'admin', 'operator', 'viewer'];
  const operates: readonly Role[] = ['owner', 'admin', 'operator'];
  const rules: readonly Role[] = ['owner', 'admin'];
  /** The roles whose tokens (with all scopes) are let in. Every role may read, unless a route says otherwise. */
  const mayPass = (route: string): readonly Role[] =>
    route.includes('/v1/accounts/') ? rules : route.startsWith('get ') ? reads : operates;

  it('bounds what any token of its user may do, on every route', async () => {
    const document = (await plane.ask('GET', '/v1/openapi.json')).body as unknown as { paths: Record<string, Record<string, unknown>> };
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method, path] as const),
    );
    expect(routes.length).toBeGreaterThan(20);
    const before = await plane.written();
    const passed: string[] = [];
    for (const role of reads) {
      const authorization = `Bearer ${await tokenOf(role)}`;
      for (const [method, path] of routes) {
        // What is asked for does not exist: a caller who is let in gets 200, 400 or 404.
        const url = path.replaceAll(/\{\w+\}/g, '999999');
        const { status } = await plane.ask(method.toUpperCase() as Method, url, method === 'get' ? undefined : {}, { authorization });
        if (status !== 403) passed.push(`${method} ${path} ${role}`);
      }
    }
    const expected = routes.flatMap(([method, path]) => mayPass(`${method} ${path}`).map((role) => `${method} ${path} ${role}`));
    expect(passed.sort()).toEqual(expected.sort());
    expect(await plane.written()).toEqual(before);
  });

  it('of a viewer makes no live bot, whatever its token says', async () => {
    const authorization = `Bearer ${await tokenOf('viewer')}`;
    const body = {
      ...{ name: 'big', symbol: 'BTCUSDT', timeframe: '1m', strategy: 'ema_cross', position_size_perc: 25 },
      ...{ mode: 'live', confirm_name: 'big', initial_capital: '99999999999' },
    };
    const answer = await plane.ask('POST', '/v1/bots', body, { authorization });
    expect([answer.status, answer.body['detail']]).toEqual([403, 'the role viewer has no "operate" scope, whatever the token says']);
  });
});

describe('the throttle', () => {
  const from = async (remoteAddress: string, token: string): Promise<number> =>
    (
      await plane.admin.app.inject({
        method: 'GET',
        url: '/v1/bots',
        remoteAddress,
        headers: { host: '127.0.0.1', authorization: `Bearer ${token}` },
      })
    ).statusCode;
  const guess = `ek_${'x'.repeat(43)}`;

  it('stands before the look-up: what it holds back does not reach the database', async () => {
    for (let n = 0; n < 11; n += 1) await from('127.0.0.21', guess);
    const holder = await plane.rows.pool.connect();
    await holder.query('begin; lock table api_tokens in access exclusive mode');
    const answered = await Promise.race([from('127.0.0.21', guess), systemClock.sleep(2_000)]);
    await holder.query('rollback');
    holder.release();
    expect(answered).toBe(429);
  });

  it('is not lifted by a token that may do nothing', async () => {
    const powerless = await tokenOf('viewer');
    await plane.rows.pool.query("update api_tokens set scopes = '{}' where user_id = (select max(id) from users)");
    expect(await from('127.0.0.23', powerless)).toBe(403);
    const heard: number[] = [];
    for (let n = 0; n < 13; n += 1) {
      heard.push(await from('127.0.0.22', guess));
      await from('127.0.0.22', powerless);
    }
    expect(heard.slice(-2)).toEqual([429, 429]);
  });
});

describe('connections that say nothing', () => {
  it('do not keep the owner out, however many they are', async () => {
    const port = Number(new URL(plane.urls.adminUrl).port);
    const sockets: Socket[] = [];
    for (let n = 0; n < 260; n += 1) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined).resume();
      await once(socket, 'connect');
      socket.write('GET /v1/bots HTTP/1.1\r\nHo');
      sockets.push(socket);
    }
    const statuses: unknown[] = [];
    for (let n = 0; n < 10; n += 1)
      statuses.push(
        await fetch(`${plane.urls.adminUrl}/v1/bots`, { headers: { authorization: `Bearer ${plane.token}`, connection: 'close' } }).then(
          ({ status }) => status,
          (error: unknown) => String(error),
        ),
      );
    for (const socket of sockets) socket.destroy();
    expect(statuses).toEqual(Array(10).fill(200));
  });

  it('of the second listener are bounded, the newest served', async () => {
    const port = Number(new URL(plane.urls.metricsUrl).port);
    let closed = 0;
    const sockets: Socket[] = [];
    for (let n = 0; n < 80; n += 1) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined).on('close', () => (closed += 1));
      socket.resume();
      await once(socket, 'connect');
      sockets.push(socket);
    }
    expect((await fetch(`${plane.urls.metricsUrl}/livez`)).status).toBe(200);
    // Idle ones go by themselves only after seconds.
    await eventually('those beyond the bound are closed', 4_000, async () => closed >= 30);
    for (const socket of sockets) socket.destroy();
  });
});

describe('the second listener', () => {
  it.each(['/metrics', '/readyz', '/nothing'])('does not answer to the name of somebody else: %s', async (path) => {
    const { port } = new URL(plane.urls.metricsUrl);
    const status = await new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, path, headers: { host: `evil.example:${port}` } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(421);
  });
});

describe('a database that is away or too busy', () => {
  it.each(['away', 'busy'] as const)('%s: 503, not 500', async (trouble) => {
    const holder = await plane.rows.pool.connect();
    const name = trouble === 'away' ? 'pg_terminate_backend' : 'pg_cancel_backend';
    const answers: Answer[] = [];
    let waits = false;
    const ask = async (): Promise<void> => {
      waits = true;
      answers.push(await plane.ask('GET', '/v1/bots'));
      waits = false;
    };
    try {
      await holder.query('begin; lock table bot_configs in access exclusive mode');
      await eventually('a question waits and is ended', 30_000, async () => {
        // On a busy machine one may have ended by itself before it was seen to wait.
        if (!waits) void ask();
        const { rowCount } = await plane.rows.pool.query(
          `select ${name}(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%bot_configs%'`,
        );
        return (rowCount ?? 0) > 0;
      });
      await eventually('it is answered', 30_000, async () => !waits);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    const answer = answers.at(-1);
    expect([answer?.status, answer?.body['code']]).toEqual([503, 'unavailable']);
  });
});
