/** Every column of a bot: when it may change, what is said when it may not, and that a running session works with the change. */
import { recordOne } from '../../../engine/persistence/order-store.ts';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BotSettings } from '../../../engine/bot/session.ts';
import { startEngine } from '../../../engine/compose.ts';
import type { RunningEngine } from '../../../engine/compose.ts';
import { readConfig } from '../../../engine/config.ts';
import { claimBots, releaseBots } from '../../../engine/persistence/claim-bots.ts';
import { commitIntents } from '../../../engine/persistence/commit-intents.ts';
import type { Intent } from '../../../engine/persistence/commit-intents.ts';
import { KillFile } from '../../../engine/kill-switch/file.ts';
import { KillSwitches } from '../../../engine/kill-switch/standing.ts';
import type { ExecutionEvidence } from '../../../engine/persistence/order-store.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { eventually } from '../../e2e/support/processes.ts';
import { freshDatabase } from '../../servers/database.ts';
import { btc, d, fill } from '../../unit/trading/given.ts';
import { holder, intent, silent } from '../persistence/given.ts';
import { goodBot, openPlane } from './given.ts';
import type { Plane } from './given.ts';

interface Case {
  readonly value: unknown;
  /** What must be set beside it. */
  readonly beside?: Record<string, unknown>;
  /** What the bot must be to have it. */
  readonly of?: Record<string, unknown>;
  /** When it may change: always, only without position and orders, only stopped as well, or never. */
  readonly when: 'always' | 'flat' | 'stopped' | 'never';
  /** What a running session has of it; absent where the engine does not read the column. */
  readonly seen?: (settings: BotSettings) => unknown;
}

const always = (value: unknown, seen?: Case['seen'], beside: Record<string, unknown> = {}): Case => ({
  value,
  beside,
  when: 'always',
  ...(seen === undefined ? {} : { seen }),
});

const stopGuard = { stop_guard_stops: 5, stop_guard_window_minutes: 60, stop_guard_pause_minutes: 30 };
const lowProfit = { low_profit_trades: 5, low_profit_window_minutes: 60, low_profit_min_perc: -1, low_profit_pause_minutes: 30 };
const minuteMs = 60_000;

/** The bot below starts with a stop at 5 % and a trailing one at 6 %. */
const cases: Readonly<Record<string, Case>> = {
  name: always('renamed'),
  position_size_perc: always(33, ({ trading }) => trading.positionSizePercent),
  position_size_fixed: always('250.5', ({ trading }) => trading.positionSizeFixed?.toFixed()),
  take_profit_perc: always(9, ({ trading }) => trading.takeProfitPercent),
  custom_take_profit: always(8, ({ trading }) => trading.takeProfitPercent),
  daily_target_perc: always(11, ({ trading }) => trading.dailyTargetPercent),
  max_daily_loss_perc: always(12, ({ trading }) => trading.maxDailyLossPercent),
  max_daily_trades: always(13, ({ trading }) => trading.maxDailyTrades),
  cooldown_after_loss_minutes: always(15, ({ trading }) => (trading.protections.cooldownAfterLossMs ?? 0) / minuteMs),
  stop_guard_stops: always(2, ({ trading }) => trading.protections.stopGuard?.stops, stopGuard),
  stop_guard_window_minutes: always(120, ({ trading }) => (trading.protections.stopGuard?.windowMs ?? 0) / minuteMs, stopGuard),
  stop_guard_pause_minutes: always(45, ({ trading }) => (trading.protections.stopGuard?.pauseMs ?? 0) / minuteMs, stopGuard),
  low_profit_trades: always(3, ({ trading }) => trading.protections.lowProfit?.trades, lowProfit),
  low_profit_window_minutes: always(240, ({ trading }) => (trading.protections.lowProfit?.windowMs ?? 0) / minuteMs, lowProfit),
  low_profit_min_perc: always(-0.5, ({ trading }) => trading.protections.lowProfit?.minPercent, lowProfit),
  low_profit_pause_minutes: always(90, ({ trading }) => (trading.protections.lowProfit?.pauseMs ?? 0) / minuteMs, lowProfit),
  check_interval_seconds: always(2, ({ trading }) => trading.checkIntervalMs / 1_000),
  stop_loss_perc: always(4, ({ trading }) => trading.stopLossPercent),
  custom_stop_loss: always(3, ({ trading }) => trading.stopLossPercent),
  trailing_stop_perc: always(5, ({ trading }) => trading.trailingStopPercent),
  custom_trailing_stop: always(4, ({ trading }) => trading.trailingStopPercent),
  trailing_stop_active: always(true, ({ trading }) => trading.trailingStopActive),
  ema_fast: always(4, ({ parameters }) => parameters.emaFast),
  ema_slow: always(27, ({ parameters }) => parameters.emaSlow),
  ema_period: always(50, ({ parameters }) => parameters.emaPeriod),
  rsi_period: always(9, ({ parameters }) => parameters.rsiPeriod),
  rsi_oversold: always(2, ({ parameters }) => parameters.rsiOversold),
  rsi_overbought: always(98, ({ parameters }) => parameters.rsiOverbought),
  custom_ema_fast: always(5, ({ parameters }) => parameters.emaFast),
  custom_ema_slow: always(28, ({ parameters }) => parameters.emaSlow),
  custom_rsi_period: always(10, ({ parameters }) => parameters.rsiPeriod),
  custom_rsi_oversold: always(3, ({ parameters }) => parameters.rsiOversold),
  custom_rsi_overbought: always(97, ({ parameters }) => parameters.rsiOverbought),
  // Of futures: on spot no other value is accepted.
  transfer_amount: { value: '7', when: 'never' },
  auto_transfer_funds: { value: true, when: 'never' },
  timeframe: { value: '3m', when: 'flat', seen: ({ trading }) => trading.timeframe },
  strategy: { value: 'macd_adx', when: 'flat', seen: ({ strategy }) => strategy.name },
  strategy_parameters: {
    ...always({ trend_adx: 100 }, ({ parameters }) => ({ trend_adx: parameters['trendAdx'] })),
    of: { strategy: 'macd_adx' },
  },
  initial_capital: { value: '2000', when: 'flat', seen: ({ trading }) => trading.initialCapital.toFixed() },
  leverage: { value: 3, when: 'never' },
  margin_type: { value: 'crossed', when: 'never' },
  direction: { value: 'short', when: 'flat' },
  mode: { value: 'live', beside: { confirm_name: 'calm' }, when: 'stopped' },
  symbol: { value: 'ETHUSDT', when: 'never' },
  venue: { value: 'binance', when: 'never' },
  position_type: { value: 'futures', when: 'never' },
  is_active: { value: true, when: 'never' },
};

const bot = {
  ...goodBot,
  strategy: 'rsi',
  rsi_oversold: 1,
  rsi_overbought: 99,
  stop_loss_perc: 5,
  trailing_stop_active: true,
  trailing_stop_perc: 6,
};
/** A spot bot only goes long: this value is refused wherever it may be set. */
const impossible = new Set(['direction']);

describe('a column that changes', () => {
  let plane: Plane;
  beforeAll(async () => {
    plane = await openPlane();
  });
  afterAll(() => plane.close());

  const create = async (column = ''): Promise<string> =>
    String((await plane.ask('POST', '/v1/bots', { ...bot, ...cases[column]?.of })).body['id']);
  const change = (id: string, column: string) => {
    const { value, beside } = cases[column] ?? { value: null };
    return plane.ask('PATCH', `/v1/bots/${id}`, { ...beside, [column]: value });
  };
  const begin = async (id: string, change: Partial<Intent> = {}): Promise<void> => {
    await claimBots(plane.rows.pool, holder, [id]);
    const epoch = await epochOf(id);
    const entry = { ...intent(plane.rows.userId), botId: id, epoch, clientOrderId: `ektest-${id}-a-1` };
    expect([...(await commitIntents(plane.rows.pool, holder, [{ ...entry, ...change }])).values()]).toEqual(['committed']);
    await releaseBots(plane.rows.pool, holder, [{ botId: id, message: 'stopped' }]);
  };
  const epochOf = async (id: string): Promise<number> =>
    Number((await plane.rows.pool.query<{ n: string }>('select lock_epoch as n from bot_state where bot_config_id = $1', [id])).rows[0]?.n);
  const execute = async (id: string, change: Partial<ExecutionEvidence> = {}, feeIn = 'BTC'): Promise<void> => {
    await plane.rows.pool.query(`update bot_state set lock_holder = $2 where bot_config_id = $1`, [id, holder]);
    const evidence: Omit<ExecutionEvidence, 'fills'> = {
      ...{
        botId: id,
        epoch: await epochOf(id),
        clientOrderId: `ektest-${id}-a-1`,
        instrument: btc,
        state: 'filled',
        source: 'ack',
        proof: {},
      },
      ...{ exchangeOrderId: `7${id}`, executedQuantity: d('0.5'), executedQuote: null },
      ...change,
    };
    const quantity = evidence.executedQuantity ?? d(0);
    const fills = [
      {
        ...{ tradeId: evidence.exchangeOrderId ?? '', price: d(20_000), quantity, isMaker: false, atMs: 1_700_000_000_500 },
        ...{ commission: d('0.0005'), commissionAsset: feeIn },
      },
    ];
    const store = createPostgresOrderStore({ orm: plane.rows.orm, pool: plane.rows.pool, holder, clock: systemClock });
    expect((await recordOne(store, { ...evidence, fills })).verdict).toBe('recorded');
    await releaseBots(plane.rows.pool, holder, [{ botId: id, message: 'stopped' }]);
  };

  it('has its case here, each one of the table', async () => {
    const { rows } = await plane.rows.pool.query<{ name: string }>(
      `select column_name as name from information_schema.columns where table_name = 'bot_configs' and table_schema = current_schema()`,
    );
    const kept = ['id', 'user_id', 'api_key_id', 'version', 'deleted_at', 'created_at', 'updated_at'];
    expect([...Object.keys(cases), ...kept].sort()).toEqual(rows.map(({ name }) => name).sort());
  });

  it.each(Object.entries(cases))('%s: while an order is open', async (column, { when }) => {
    const id = await create(column);
    await begin(id);
    const answer = await change(id, column);
    if (when === 'always') expect([answer.status, answer.body.errors]).toEqual([200, undefined]);
    else {
      expect(answer.status).toBe(when === 'never' || impossible.has(column) ? 422 : 409);
      expect(answer.body.errors?.map(({ field }) => field)).toEqual([column]);
      if (when !== 'never' && !impossible.has(column)) expect(answer.body.errors?.[0]?.detail).toContain('order');
    }
  });

  it.each(Object.entries(cases))('%s: while a position is open', async (column, { when }) => {
    const id = await create(column);
    await begin(id);
    await execute(id);
    const answer = await change(id, column);
    if (when === 'always') expect(answer.status).toBe(200);
    else {
      // What was traded on paper stays paper.
      expect(answer.status).toBe(when === 'flat' && !impossible.has(column) ? 409 : 422);
      expect(answer.body.errors?.map(({ field }) => field)).toEqual([column]);
      if (when === 'flat' && !impossible.has(column)) expect(answer.body.errors?.[0]?.detail).toContain('position');
    }
  });

  it.each(Object.entries(cases))('%s: of a bot that is stopped, flat and new', async (column, { when, value }) => {
    const id = await create(column);
    const answer = await change(id, column);
    const allowed = when !== 'never' && !impossible.has(column);
    expect(answer.status).toBe(allowed ? 200 : 422);
    if (allowed) expect(answer.body[column]).toEqual(value);
  });

  it('and another that may not are refused together, each with its reason, and nothing is written', async () => {
    const id = await create();
    await begin(id);
    await execute(id);
    const before = await plane.written();
    const answer = await plane.ask('PATCH', `/v1/bots/${id}`, {
      ...{ timeframe: '5m', strategy: 'ema_cross', initial_capital: '5', stop_loss_perc: 7, take_profit_perc: 500, symbol: 'ETHUSDT' },
      ...{ max_daily_trades: 0 },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors?.map(({ field }) => field).sort()).toEqual(
      ['initial_capital', 'max_daily_trades', 'stop_loss_perc', 'strategy', 'symbol', 'timeframe'].sort(),
    );
    expect(await plane.written()).toEqual(before);
  });

  it('of parameters waits with the strategy that it belongs to', async () => {
    const id = await create('strategy_parameters');
    await begin(id);
    const both = { strategy: 'bollinger_reversion', strategy_parameters: { band_period: 30 } };
    const answer = await plane.ask('PATCH', `/v1/bots/${id}`, both);
    expect([answer.status, answer.body.errors?.map(({ field }) => field).sort()]).toEqual([409, ['strategy', 'strategy_parameters']]);
  });

  it('is told apart from one that is sent as it is: a whole bot can be sent back', async () => {
    const id = await create();
    await begin(id);
    await execute(id);
    const { body } = await plane.ask('GET', `/v1/bots/${id}`);
    const columns = Object.fromEntries(Object.keys(cases).map((column) => [column, body[column]]));
    expect((await plane.ask('PATCH', `/v1/bots/${id}`, { ...columns, take_profit_perc: 3 })).status).toBe(200);
  });

  it('changes freely again once what is left of the position is dust, which the bot shows', async () => {
    const id = await create();
    await begin(id);
    await execute(id);
    expect((await plane.ask('GET', `/v1/bots/${id}`)).body).toMatchObject({ position_quantity: '0.4995', dust_quantity: '0' });
    await begin(id, {
      clientOrderId: `ektest-${id}-b-1`,
      role: 'exit',
      side: 'SELL',
      decisionMs: 1_700_000_100_000,
      quantity: d('0.4994'),
    });
    await execute(id, { clientOrderId: `ektest-${id}-b-1`, exchangeOrderId: `8${id}`, executedQuantity: d('0.4994') }, 'USDT');
    expect((await plane.ask('GET', `/v1/bots/${id}`)).body).toMatchObject({ position_quantity: '0', dust_quantity: '0.0001' });
    expect((await plane.ask('PATCH', `/v1/bots/${id}`, { timeframe: '5m' })).status).toBe(200);
  });

  it('goes live only with the name, and only while the bot is stopped', async () => {
    const id = await create();
    for (const confirm_name of [undefined, 'Calm', 'calm ']) {
      const answer = await plane.ask('PATCH', `/v1/bots/${id}`, { mode: 'live', confirm_name });
      expect([answer.status, answer.body.errors?.map(({ field }) => field)]).toEqual([422, ['confirm_name']]);
    }
    await plane.ask('POST', `/v1/bots/${id}/commands`, { command: 'start' });
    const running = await change(id, 'mode');
    expect([running.status, running.body.errors]).toMatchObject([
      409,
      [{ field: 'mode', detail: expect.stringContaining('stop') as string }],
    ]);
    await plane.ask('POST', `/v1/bots/${id}/commands`, { command: 'stop' });
    expect((await change(id, 'mode')).body['mode']).toBe('live');
    expect((await plane.ask('PATCH', `/v1/bots/${id}`, { take_profit_perc: 2 })).status).toBe(200);
    const made = await plane.ask('POST', '/v1/bots', { ...bot, mode: 'live' });
    expect([made.status, made.body.errors?.map(({ field }) => field)]).toEqual([422, ['confirm_name']]);
    expect((await plane.ask('POST', '/v1/bots', { ...bot, mode: 'live', confirm_name: 'calm' })).status).toBe(201);
  });

  it('under two hands at once changes by one of them', async () => {
    const id = await create();
    const answers = await Promise.all(
      [2, 3].map((stop) => plane.ask('PATCH', `/v1/bots/${id}`, { stop_loss_perc: stop }, { 'if-match': '"1"' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const won = answers.find(({ status }) => status === 200)?.body;
    expect((await plane.ask('GET', `/v1/bots/${id}`)).body).toMatchObject({ version: 2, stop_loss_perc: won?.['stop_loss_perc'] });
  });

  it('waits for an order that is being committed, and sees it', async () => {
    const id = await create();
    await claimBots(plane.rows.pool, holder, [id]);
    await releaseBots(plane.rows.pool, holder, [{ botId: id, message: 'stopped' }]);
    const client = await plane.rows.pool.connect();
    await client.query('begin');
    await client.query('update bot_state set lock_holder = $2 where bot_config_id = $1', [id, holder]);
    await client.query(
      `insert into orders (bot_config_id, user_id, venue, account, market, symbol, client_order_id, decision_ms, role, attempt, side, type, quantity,
                           reference_price, reason, state, epoch, signed_ts, recv_window_ms, executed_quantity, executed_quote, created_at, updated_at)
       values ($1, $2, 'simulated', 'simulated', 'spot', 'BTCUSDT', $3, 1, 'entry', 1, 'BUY', 'MARKET', 1, 1, 't', 'intended', 1, 1, 1, 0, 0, now(), now())`,
      [id, plane.rows.userId, `ektest-${id}-b-1`],
    );
    const answer = change(id, 'timeframe');
    await eventually('the change waits for the order', 10_000, async () => {
      const waiting = await plane.rows.pool.query(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%bot_configs%' and datname = current_database()",
      );
      return waiting.rowCount === 1;
    });
    await client.query('commit');
    client.release();
    expect((await answer).status).toBe(409);
  });
});

describe('a running bot', () => {
  let engine: RunningEngine;
  let token: string;
  let drop: () => Promise<void>;
  let databaseUrl: string;
  let id: string;

  const ask = async (method: string, path: string, body: unknown): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${engine.adminUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  };
  const session = () => engine.fleet?.supervisor.bot(id)?.session ?? null;

  beforeAll(async () => {
    const database = await freshDatabase();
    drop = database.drop;
    databaseUrl = database.url;
    const dataDir = mkdtempSync(join(tmpdir(), 'evenkeel-edits-'));
    const shared = { clock: systemClock, log: silent };
    engine = await startEngine({
      killFile: new KillFile({ ...shared, path: join(dataDir, 'kill-switch'), standing: new KillSwitches(shared) }),
      config: readConfig({
        DATABASE_URL: database.url,
        EVENKEEL_DATA_DIR: dataDir,
        EVENKEEL_ADMIN_PORT: '0',
        EVENKEEL_METRICS_PORT: '0',
        EVENKEEL_CLAIM_POLL_MS: '200',
      }),
      log: silent,
      onFatal: (reason) => {
        throw new Error(reason);
      },
    });
    token = readFileSync(join(dataDir, 'token'), 'utf8').trim();
    id = String((await ask('POST', '/v1/bots', { ...bot, is_active: true }))['id']);
    await eventually('the bot runs', 30_000, async () => engine.fleet?.supervisor.bot(id)?.running === true);
  });
  afterAll(async () => {
    await engine.stop();
    await drop();
  });

  it.each(Object.entries(cases).flatMap(([column, one]) => (one.seen === undefined ? [] : [{ ...one, column, seen: one.seen }])))(
    'works with a changed $column',
    async ({ column, value, beside, seen }) => {
      await ask('PATCH', `/v1/bots/${id}`, { ...beside, [column]: value });
      await eventually(`the session has ${column}`, 20_000, async () => {
        const running = session();
        return running !== null && engine.fleet?.supervisor.bot(id)?.running === true && isDeepStrictEqual(seen(running.settings), value);
      });
    },
  );

  it('leaves a change that was written in the moment of an entry until the position is over', async () => {
    const tell = (side: 'BUY' | 'SELL'): void => {
      const running = session();
      if (running === null) throw new Error('the bot does not run');
      const price = running.state.lastPrice;
      running.tell({ type: 'fill-received', fill: fill(side, '0.01', price, { atMs: systemClock.now() }), atMs: systemClock.now() });
      running.tell({ type: 'time-passed', atMs: systemClock.now() });
    };
    await eventually('the session knows a price', 10_000, async () => (session()?.state.lastPrice ?? 0) > 0);
    tell('BUY');
    const db = new Client({ connectionString: databaseUrl });
    await db.connect();
    await db.query(`update bot_configs set timeframe = '5m', max_daily_trades = 77, version = version + 1 where id = $1`, [id]);
    await db.end();
    await eventually('the rest of the change applies', 10_000, async () => session()?.settings.trading.maxDailyTrades === 77);
    expect(session()?.settings.trading.timeframe).toBe('3m');
    tell('SELL');
    await eventually('the timeframe changes once the bot is flat', 10_000, async () => session()?.settings.trading.timeframe === '5m');
  });

  it('takes money that is put in for no profit of the day', () => {
    const day = session()?.state.day;
    expect(day?.startEquity.toFixed()).toBe('2000');
  });
});
