/** The comparison of an account with its exchange, against real rows and an exchange that tells what the test says. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reachNothing } from '../../../engine/crash-points.ts';
import type { Balance, ExchangeFill, ExchangeOrder, TradingAccount } from '../../../engine/exchanges/exchange.ts';
import { formatClientOrderId } from '../../../engine/orders/client-order-id.ts';
import { DriftWatch } from '../../../engine/accounts/drift.ts';
import { AccountReconciler } from '../../../engine/accounts/reconcile.ts';
import type { ReconcileTarget } from '../../../engine/accounts/reconcile.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import type { Metrics } from '../../../engine/observe/metrics.ts';
import { claimBots } from '../../../engine/persistence/claim-bots.ts';
import { commitIntents } from '../../../engine/persistence/commit-intents.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { createPostgresReconcileStore } from '../../../engine/persistence/postgres-reconcile-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { btc, d } from '../../unit/trading/given.ts';
import { holder, intent, openRows, silent } from '../persistence/given.ts';
import type { Rows } from '../persistence/given.ts';

const dayMs = 86_400_000;
let rows: Rows;
let nowMs: number;
let book: ExchangeOrder[];
let asked: string[];
let balances: Balance[];
let metrics: Metrics;
let reconciler: AccountReconciler;
let drift: DriftWatch;

const idOf = (botId: string, decisionMs: number, role: 'entry' | 'exit' = 'entry', attempt = 1): string =>
  formatClientOrderId({ installation: 'ab12', botId, decisionMs, role, attempt });
const order = (orderId: number, clientOrderId: string, change: Partial<ExchangeOrder> = {}): ExchangeOrder => ({
  symbol: 'BTCUSDT',
  orderId: String(orderId),
  clientOrderId,
  side: 'BUY',
  type: 'MARKET',
  status: 'FILLED',
  quantity: d('0.5'),
  executedQuantity: d('0.5'),
  executedQuote: d('10000'),
  updatedAtMs: nowMs - 1_000,
  ...change,
});
const target = (botId: string, change: Partial<ReconcileTarget> = {}): ReconcileTarget => ({
  botId,
  epoch: 1,
  symbol: 'BTCUSDT',
  running: false,
  instrument: () => btc,
  ...change,
});

beforeEach(async () => {
  rows = await openRows();
  await claimBots(rows.pool, holder, ['1', '2', '3']);
  await rows.pool.query(`update bot_configs set mode = 'live', venue = 'binance', symbol = 'BTCUSDT' where id in (1, 2)`);
  await rows.pool.query(`update bot_configs set mode = 'live', venue = 'binance' where id = 3`);
  nowMs = systemClock.now();
  book = [];
  asked = [];
  balances = [];
  const fillOf = (of: ExchangeOrder): ExchangeFill => ({
    symbol: of.symbol,
    tradeId: of.orderId,
    orderId: of.orderId,
    clientOrderId: null,
    side: of.side,
    price: d('20000'),
    quantity: of.executedQuantity,
    commission: d(0),
    commissionAsset: 'USDT',
    isMaker: false,
    atMs: of.updatedAtMs,
  });
  const account = {
    name: 'binance',
    openOrders: async () => book.filter((one) => one.status === 'NEW'),
    ordersSince: async (_: string, since: number) => {
      asked.push(`since ${Math.round((nowMs - since) / 1000)} s ago`);
      return book.filter((one) => one.updatedAtMs >= since && one.updatedAtMs < since + dayMs).slice(0, 1_000);
    },
    ordersFrom: async (_: string, from: string) => {
      asked.push(`from ${from}`);
      return book.filter((one) => BigInt(one.orderId) >= BigInt(from)).slice(0, 1_000);
    },
    order: async (_: string, id: string) => {
      const found = book.find((one) => one.clientOrderId === id);
      return found === undefined ? { kind: 'absent' } : { kind: 'found', order: found };
    },
    fillsOfOrder: async (_: string, id: string) => book.filter((one) => one.orderId === id && one.executedQuantity.gt(0)).map(fillOf),
    cancelOrder: async (_: string, id: string) => {
      asked.push(`cancel ${id}`);
      book = book.map((one) => (one.clientOrderId === id ? { ...one, status: 'CANCELED' } : one));
      return { kind: 'cancelled', orders: book.filter((one) => one.clientOrderId === id) };
    },
    balances: async () => balances,
  } as unknown as TradingAccount;
  metrics = createMetrics();
  const store = createPostgresReconcileStore({ pool: rows.pool, holder, clock: systemClock });
  const shared = { account, venue: 'binance', rows: store, metrics, log: silent };
  reconciler = new AccountReconciler({
    ...shared,
    installation: 'ab12',
    orders: createPostgresOrderStore({ orm: rows.orm, pool: rows.pool, holder, clock: systemClock }),
    venueClock: { now: () => nowMs, trusted: true, resync: async () => undefined },
    facts: { valued: (fills) => fills },
    reach: reachNothing,
  });
  drift = new DriftWatch({ ...shared, clock: systemClock, instrument: (symbol) => (symbol === 'BTCUSDT' ? btc : null) });
});
afterEach(() => rows.close());

const held = async (botId: string): Promise<string | null> =>
  (
    await rows.pool.query<{ held: string | null }>(`select state_data->>'heldReason' as held from bot_state where bot_config_id = $1`, [
      botId,
    ])
  ).rows[0]?.held ?? null;
const states = async (): Promise<readonly string[]> =>
  (await rows.pool.query<{ state: string }>('select state from orders order by id')).rows.map((row) => row.state);

describe('orders that the rows lost', () => {
  it('are filled in, oldest first, with fills, trade and position; a second comparison changes nothing', async () => {
    const bought = idOf('1', nowMs - 60_000);
    const sold = idOf('1', nowMs - 30_000, 'exit');
    book = [order(9, bought), order(10, sold, { side: 'SELL' }), order(11, 'web_1', { status: 'NEW', executedQuantity: d(0) })];
    expect(await reconciler.reconcile([target('1'), target('2')])).toEqual(new Set(['1']));
    expect(await states()).toEqual(['filled', 'filled']);
    const { rows: told } = await rows.pool.query(
      `select o.client_order_id as id, o.reason, o.evidence->'filled-in'->>'orderId' as origin, t.side from orders o join trades t on t.order_id = o.id order by o.id`,
    );
    expect(told).toMatchObject([
      { id: bought, origin: '9', side: 'BUY', reason: expect.stringContaining('filled in from the exchange') as string },
      { id: sold, origin: '10', side: 'SELL' },
    ]);
    expect(await reconciler.reconcile([target('1'), target('2')])).toEqual(new Set());
    expect(await states()).toHaveLength(2);
    expect(asked.filter((what) => what.startsWith('cancel'))).toEqual([]);
  });

  it('are written by the current owner only', async () => {
    book = [order(9, idOf('1', nowMs - 60_000))];
    await claimBots(rows.pool, 'other-engine', ['1']);
    expect(await reconciler.reconcile([target('1')])).toEqual(new Set());
    expect(await states()).toEqual([]);
  });

  it('are searched from the last comparison on, and before the first since the bot was made', async () => {
    await rows.pool.query(`update bot_configs set created_at = now() - interval '50 hours' where id = 1`);
    book = [order(9, idOf('1', nowMs - 49 * 3_600_000), { updatedAtMs: nowMs - 49 * 3_600_000 })];
    await reconciler.reconcile([target('1')]);
    expect(asked).toEqual(['since 180120 s ago', 'from 10']);
    expect(await states()).toEqual(['filled']);
    asked = [];
    nowMs += 1_000;
    await reconciler.reconcile([target('1')]);
    expect(asked).toEqual(['since 241 s ago']);
  });

  it('are all found, however many there are', async () => {
    book = Array.from({ length: 2_500 }, (_, index) => order(index + 1, `web_${index}`, { updatedAtMs: nowMs - 2_500 + index }));
    book.push(order(2_501, idOf('2', nowMs - 500)));
    expect(await reconciler.reconcile([target('1'), target('2')])).toEqual(new Set(['2']));
    expect(asked).toEqual(['since 86520 s ago', 'since 120 s ago', 'from 1001', 'from 2001']);
  });

  it('of a bot that nobody knows hold everybody who trades the symbol, once', async () => {
    book = [order(9, idOf('77', nowMs - 60_000))];
    expect(await reconciler.reconcile([target('1'), target('2'), target('3', { symbol: 'SOLUSDT' })])).toEqual(new Set(['1', '2']));
    expect(await held('1')).toContain('there is no bot 77');
    expect([await held('2'), await held('3')]).toEqual([await held('1'), null]);
    expect(await states()).toEqual([]);
  });

  it.each([
    ['trades another symbol', `update bot_configs set symbol = 'ETHUSDT' where id = 1`, 'trades ETHUSDT'],
    ['is a paper bot', `update bot_configs set mode = 'paper' where id = 1`, 'is a paper bot'],
    ['was made after it', `update bot_configs set created_at = now() + interval '1 hour' where id = 1`, 'was created after it'],
  ])('are not given to a bot that %s, although it has the number', async (_, statement, reason) => {
    await rows.pool.query(statement);
    book = [order(9, idOf('1', nowMs - 60_000))];
    await reconciler.reconcile([target('2')]);
    expect(await held('2')).toContain(reason);
    expect(await states()).toEqual([]);
  });

  it('that contradict an open order of the rows hold the bot instead', async () => {
    await commitIntents(rows.pool, holder, [intent(rows.userId, { clientOrderId: idOf('1', 5), decisionMs: 5 })]);
    book = [order(9, idOf('1', nowMs - 60_000))];
    expect(await reconciler.reconcile([target('1')])).toEqual(new Set(['1']));
    expect(await held('1')).toContain('contradicts');
    expect(await states()).toEqual(['intended']);
  });

  it('of a bot that runs are left for when it is taken anew', async () => {
    book = [order(9, idOf('1', nowMs - 60_000))];
    expect(await reconciler.reconcile([target('1', { running: true })])).toEqual(new Set(['1']));
    expect(await states()).toEqual([]);
  });
});

describe('orders that were declared never placed', () => {
  const id = (): string => idOf('1', 1_700_000_000_000);
  beforeEach(async () => {
    await commitIntents(rows.pool, holder, [intent(rows.userId, { clientOrderId: id(), signedTimestampMs: nowMs - 3_600_000 })]);
    await rows.pool.query(`update orders set state = 'never-placed'`);
    // The comparison had come further than that.
    await reconciler.reconcile([target('1')]);
  });

  it('and are open are cancelled, while another order of the role is open', async () => {
    await commitIntents(rows.pool, holder, [intent(rows.userId, { clientOrderId: idOf('1', 9), decisionMs: 1_700_000_060_000 })]);
    book = [order(9, id(), { status: 'NEW', executedQuantity: d(0), executedQuote: d(0) })];
    expect(await reconciler.reconcile([target('1', { running: true })])).toEqual(new Set(['1']));
    expect(asked).toContain(`cancel ${id()}`);
    expect(await states()).toEqual(['cancelled', 'intended']);
    expect(await held('1')).toContain(id());
  });

  it('and were executed are booked, an hour later, and their bot is held', async () => {
    book = [order(9, id(), { updatedAtMs: nowMs - 3_500_000 })];
    expect(await reconciler.reconcile([target('1', { running: true })])).toEqual(new Set(['1']));
    expect(await states()).toEqual(['filled']);
    expect(await held('1')).toContain('declared never placed');
    expect((await metrics.lateArrivals.get()).values[0]?.value).toBe(1);
    // A user resumed it: it is not held again for the same order.
    await rows.pool.query(`update bot_state set state_data = state_data - 'heldReason'`);
    expect(await reconciler.reconcile([target('1')])).toEqual(new Set());
    expect(await held('1')).toBeNull();
  });
});

describe('balances', () => {
  const position = (botId: string, quantity: string): Promise<unknown> =>
    rows.pool.query(
      `update bot_state set state_data = state_data || jsonb_build_object('position', jsonb_build_object('quantity', $2::text)) where bot_config_id = $1`,
      [botId, quantity],
    );
  const have = (free: string, locked = '0'): void => {
    balances = [{ asset: 'BTC', free: d(free), locked: d(locked) }];
  };
  beforeEach(async () => {
    await position('1', '0.3');
    await position('2', '0.2');
  });

  it('that cover what all bots hold, locked coins included, are no drift, and more is none of our business', async () => {
    for (const [free, locked] of [
      ['0.5', '0'],
      ['0.1', '0.4'],
      ['17', '0'],
      ['0.499995', '0'],
    ] as const) {
      have(free, locked);
      expect((await drift.check()).size).toBe(0);
    }
  });

  it('that fall short are one, with both numbers, until they cover it again', async () => {
    have('0.4', '0.05');
    expect((await drift.check()).get('BTC')?.reason).toMatch(/hold 0\.5 BTC together, but the account has 0\.45 BTC.* 0\.05$/);
    expect((await metrics.reconcileDrift.get()).values).toContainEqual({ labels: { kind: 'position' }, value: 1 });
    have('0.5');
    expect((await drift.check()).size).toBe(0);
  });

  it('that fall short for a moment only, or while an order is in flight, are none', async () => {
    have('0.4');
    const checking = drift.check();
    await systemClock.sleep(200);
    have('0.5');
    expect((await checking).size).toBe(0);
    await commitIntents(rows.pool, holder, [intent(rows.userId, { role: 'exit', side: 'SELL' })]);
    have('0');
    expect((await drift.check()).size).toBe(0);
  });
});
