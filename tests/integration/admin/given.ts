/** An admin plane on a database of its own, with two users and a venue that lists two symbols. */
import { createAdmin } from '../../../admin/server.ts';
import type { AdminPlane } from '../../../admin/server.ts';
import { ensureFirstToken } from '../../../admin/tokens.ts';
import { User } from '../../../entities/index.ts';
import type { KillControl } from '../../../engine/kill-switch/control.ts';
import type { DecisionStore } from '../../../engine/persistence/decision-store.ts';
import { createPostgresDecisionStore } from '../../../engine/persistence/postgres-decision-store.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { instrumentOf } from '../../../simulator/instruments.ts';
import { openRows, silent } from '../persistence/given.ts';
import type { Rows } from '../persistence/given.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: Record<string, unknown> & {
    readonly items?: Record<string, unknown>[];
    readonly errors?: { pointer: string; field: string; detail: string }[];
  };
}

export interface Plane {
  readonly rows: Rows;
  readonly admin: AdminPlane;
  /** Where its listeners are. */
  readonly urls: { readonly adminUrl: string; readonly metricsUrl: string };
  readonly otherToken: string;
  readonly token: string;
  readonly decisions: DecisionStore;
  /** Prices that bots of this process heard last, by bot id. */
  readonly heard: Map<string, { readonly price: number; readonly atMs: number }>;
  /** Where the venue's time stands, ms UTC; a test may move it. */
  venueNowMs: number;
  ask(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Rows of every table that a request may write. */
  written(): Promise<Record<string, number>>;
  close(): Promise<void>;
}

/** `liveRefusal`: why no bot can trade live; `killSwitchOf`: the kill switches of a process that runs bots, without it none do. */
export async function openPlane(
  change: { readonly liveRefusal?: string; readonly killSwitchOf?: (rows: Rows) => Promise<KillControl> } = {},
): Promise<Plane> {
  const rows = await openRows();
  const decisions = createPostgresDecisionStore(rows.pool);
  const admin = await createAdmin({
    orm: rows.orm,
    clock: systemClock,
    log: silent,
    metrics: createMetrics(),
    listen: { admin: { host: '127.0.0.1', port: 0 }, metrics: { host: '127.0.0.1', port: 0 }, trustedNetwork: false },
    venue: 'simulated',
    killSwitch: (await change.killSwitchOf?.(rows)) ?? null,
    liveRefusal: () => change.liveRefusal ?? null,
    symbols: {
      list: () => [instrumentOf('BTCUSDT'), instrumentOf('ETHUSDT')],
      find: async (symbol) => (symbol === 'BTCUSDT' || symbol === 'ETHUSDT' ? instrumentOf(symbol) : null),
      cacheStats: async () => ({ spot: { hits: 3, misses: 1, lastRefreshMs: 1_700_000_000_000 } }),
    },
    decisions: { store: decisions, keptMs: 72 * 3_600_000, venueNowMs: () => plane.venueNowMs },
    engine: {
      status: () => ({
        version: '0',
        node: 'v24',
        role: 'all',
        owner: 'me',
        venue: 'simulated',
        schemaVersion: 's',
        startedAt: '2023-11-14T22:13:20.000Z',
        uptimeSeconds: 1,
        botsRunning: 0,
        botsWished: 0,
        openOrders: 0,
        settledThroughMs: null,
        venueTimeMs: null,
        coordination: { kind: 'memory', reachable: true, outage: null },
        userStream: null,
        killSwitches: null,
      }),
      live: () => ({ ok: true, problems: [] }),
      ready: async () => ({ ok: false, problems: ['the database does not answer'] }),
      started: () => true,
      ownerOf: () => null,
      heardPrice: (botId) => plane.heard.get(botId) ?? null,
    },
  });
  const now = new Date(systemClock.now());
  const em = rows.orm.em.fork();
  const other = em.create(User, {
    email: 'other@localhost',
    hashedPassword: '!',
    isActive: true,
    role: 'operator',
    resetToken: null,
    resetTokenExpires: null,
    createdAt: now,
    updatedAt: now,
  });
  await em.flush();
  const tokens: string[] = [];
  for (const userId of [rows.userId, other.id])
    await ensureFirstToken(rows.orm, { userId, clock: systemClock, write: (token) => void tokens.push(token) });
  const [token = '', otherToken = ''] = tokens;
  const plane: Plane = {
    rows,
    decisions,
    heard: new Map(),
    venueNowMs: 1_714_953_600_000,
    admin,
    urls: await admin.start(),
    token,
    otherToken,
    async ask(method, url, body, headers = {}) {
      const answer = await admin.app.inject({
        method,
        url,
        headers: {
          host: '127.0.0.1',
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: (answer.body === '' ? {} : JSON.parse(answer.body)) as Answer['body'],
      };
    },
    async written() {
      const { rows: counts } = await rows.pool.query<Record<string, number>>(
        'select (select count(*)::int from bot_configs) as bots, (select count(*)::int from bot_commands) as commands, (select count(*)::int from audit_log) as audit, (select sum(version)::int from bot_configs) as versions',
      );
      return counts[0] ?? {};
    },
    async close() {
      await admin.stop();
      await rows.close();
    },
  };
  return plane;
}

export const goodBot = {
  name: 'calm',
  symbol: 'BTCUSDT',
  timeframe: '1m',
  strategy: 'ema_cross',
  initial_capital: '1000.50',
  position_size_perc: 25,
};
