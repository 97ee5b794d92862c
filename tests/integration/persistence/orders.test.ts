/** Intents, and the unit of work in which an order, its fills, its trade and its bot change together. */
import { recordOne } from '../../../engine/persistence/order-store.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimBots, readWishes, releaseBots, writeStatuses } from '../../../engine/persistence/claim-bots.ts';
import { CommitUnknown, commitIntents } from '../../../engine/persistence/commit-intents.ts';
import { loadBots } from '../../../engine/persistence/bot-rows.ts';
import type { ExecutionEvidence, OrderStore, ReportedFill } from '../../../engine/persistence/order-store.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import type { DayNotice } from '../../../engine/trading/state.ts';
import { btc, d } from '../../unit/trading/given.ts';
import { eventually } from '../../e2e/support/processes.ts';
import { holder, intent, openRows } from './given.ts';
import type { Rows } from './given.ts';

let rows: Rows;
let store: OrderStore;

beforeEach(async () => {
  rows = await openRows();
  store = createPostgresOrderStore({ orm: rows.orm, pool: rows.pool, holder, clock: systemClock });
  await claimBots(rows.pool, holder, ['1', '2']);
});
afterEach(() => rows.close());

const place = { venue: 'simulated', account: 'simulated', market: 'spot', symbol: 'BTCUSDT' } as const;

const count = async (table: string): Promise<number> =>
  Number((await rows.pool.query<{ n: string }>(`select count(*) as n from ${table}`)).rows[0]?.n);

const fill = (tradeId: string, quantity: string, price: string, change: Partial<ReportedFill> = {}): ReportedFill => ({
  tradeId,
  price: d(price),
  quantity: d(quantity),
  commission: d(quantity).times('0.001'),
  commissionAsset: 'BTC',
  isMaker: false,
  atMs: 1_700_000_000_500,
  ...change,
});

const evidence = (change: Partial<ExecutionEvidence> = {}): ExecutionEvidence => ({
  botId: '1',
  epoch: 1,
  clientOrderId: 'ektest-1-a-1',
  instrument: btc,
  state: 'filled',
  exchangeOrderId: '77',
  executedQuantity: d('0.5'),
  executedQuote: d('10000'),
  fills: [fill('1', '0.5', '20000')],
  source: 'ack',
  proof: { ack: 'FILLED' },
  ...change,
});

describe('an intent', () => {
  it('is durable once it is committed, as a group or alone', async () => {
    const verdicts = await commitIntents(rows.pool, holder, [
      intent(rows.userId),
      intent(rows.userId, { botId: '2', clientOrderId: 'ektest-2-a-1' }),
    ]);
    expect([...verdicts.values()]).toEqual(['committed', 'committed']);
    expect(await store.committed(['ektest-1-a-1', 'ektest-2-a-1', 'other'])).toEqual(new Set(['ektest-1-a-1', 'ektest-2-a-1']));
  });

  it('of a stale epoch or of another holder commits nothing', async () => {
    await claimBots(rows.pool, 'other-engine', ['1']);
    expect([...(await commitIntents(rows.pool, holder, [intent(rows.userId)])).values()]).toEqual(['fenced']);
    expect([...(await commitIntents(rows.pool, holder, [intent(rows.userId, { epoch: 2 })])).values()]).toEqual(['fenced']);
    expect(await count('orders')).toBe(0);
  });

  it('is refused while another of its role is not over, and when its id or its decision was used', async () => {
    await commitIntents(rows.pool, holder, [intent(rows.userId)]);
    const next = intent(rows.userId, { clientOrderId: 'ektest-1-b-1', decisionMs: 1_700_000_060_000 });
    expect([...(await commitIntents(rows.pool, holder, [next])).values()]).toEqual(['refused']);
    await recordOne(store, evidence());
    expect([...(await commitIntents(rows.pool, holder, [intent(rows.userId)])).values()]).toEqual(['refused']);
    expect([...(await commitIntents(rows.pool, holder, [intent(rows.userId, { clientOrderId: 'another-id' })])).values()]).toEqual([
      'refused',
    ]);
    expect([...(await commitIntents(rows.pool, holder, [next])).values()]).toEqual(['committed']);
  });

  it('whose connection broke is unknown, never failed', async () => {
    const client = await rows.pool.connect();
    await client.query('begin; lock table orders in access exclusive mode');
    const outcome = commitIntents(rows.pool, holder, [intent(rows.userId)]).catch((error: unknown) => error);
    await eventually('the committing connection was ended', 5_000, async () => {
      const ended = await rows.pool.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and query like '%with wanted as%' and datname = current_database()",
      );
      return ended.rowCount === 1;
    });
    expect(await outcome).toBeInstanceOf(CommitUnknown);
    await client.query('rollback');
    client.release();
  });
});

describe('evidence', () => {
  beforeEach(async () => {
    await commitIntents(rows.pool, holder, [intent(rows.userId)]);
  });

  it('writes order, fills, trade, position and outbox together', async () => {
    const answer = await recordOne(store, evidence());
    expect(answer).toMatchObject({ verdict: 'recorded', order: { state: 'filled', exchangeOrderId: '77' } });
    const trade = (await rows.pool.query('select * from trades')).rows[0] as Record<string, string>;
    expect(trade).toMatchObject({ binance_order_id: '77', side: 'BUY', commission_asset: 'BTC' });
    expect([
      d(trade['price'] ?? 0).toFixed(),
      d(trade['quantity_filled'] ?? 0).toFixed(),
      d(trade['commission_amount'] ?? 0).toFixed(),
    ]).toEqual(['20000', '0.5', '0.0005']);
    const bots = await loadBots(rows.pool, ['1']);
    expect(bots.get('1')?.stateData.position.quantity.toFixed()).toBe('0.4995');
    expect(bots.get('1')?.fills).toHaveLength(1);
    expect((await rows.pool.query('select topic from outbox_events')).rows).toEqual([{ topic: 'order-filled' }]);
  });

  it('tells the newest trade number by numbers, before a time, from the end of an index', async () => {
    const before = 1_700_000_100_000;
    const fills = [
      fill('999', '0.1', '20000'),
      fill('1001', '0.1', '20000'),
      fill('paper-5', '0.1', '20000'),
      fill('1002', '0.2', '20000', { atMs: before }),
    ];
    await recordOne(store, evidence({ fills }));
    await rows.pool.query(
      `insert into fills (bot_config_id, order_id, venue, market, symbol, exchange_trade_id, client_order_id, role, side, price, quantity,
                          commission_amount, commission_asset, base_commission, is_maker, source, executed_at, created_at)
       select f.bot_config_id, f.order_id, f.venue, f.market, f.symbol, n::text, f.client_order_id, f.role, f.side, 1, 1, 0, 'BTC', 0, false, 'ack', f.executed_at, now()
       from fills f, generate_series(2000, 9999) n where f.exchange_trade_id = 'paper-5'`,
    );
    await rows.pool.query('vacuum analyze fills');
    expect(await store.lastTradeId(place, before)).toBe('9999');
    const scans = async (): Promise<number> => {
      const read = await rows.pool.query<{ n: string }>(
        "select idx_scan as n from pg_stat_user_indexes where indexrelname = 'fills_trade_number_index'",
      );
      return Number(read.rows[0]?.n);
    };
    await eventually('it was read from the index', 30_000, async () => (await scans()) > 0);
    await rows.pool.query(`delete from fills where price = 1`);
    expect(await store.lastTradeId(place, before)).toBe('1001');
    expect(await store.lastTradeId(place, before + 1)).toBe('1002');
    expect(await store.lastTradeId({ ...place, account: 'another' }, before)).toBeNull();
  });

  it('that comes twice, by another path, changes nothing', async () => {
    await recordOne(store, evidence());
    const before = (await rows.pool.query('select * from trades')).rows;
    expect(await recordOne(store, evidence({ source: 'history' }))).toMatchObject({ verdict: 'recorded', newFills: [] });
    expect((await rows.pool.query('select * from trades')).rows).toEqual(before);
    expect([await count('fills'), await count('outbox_events')]).toEqual([1, 1]);
  });

  it('of a fill that its end implies keeps the order open until the fill is there', async () => {
    const partial = await recordOne(store, evidence({ fills: [fill('1', '0.2', '20000')] }));
    expect(partial.verdict === 'recorded' && [partial.order.state, partial.missing.toFixed()]).toEqual(['accepted', '0.3']);
    expect(await count('outbox_events')).toBe(0);
    const whole = await recordOne(store, evidence({ fills: [fill('1', '0.2', '20000'), fill('2', '0.3', '20010')], source: 'history' }));
    expect(whole.verdict === 'recorded' && whole.order.state).toBe('filled');
    const [trade] = (
      await rows.pool.query<{ price: string; quantity_filled: string }>('select price::text, quantity_filled::text from trades')
    ).rows;
    expect([d(trade?.price ?? 0).toFixed(), d(trade?.quantity_filled ?? 0).toFixed()]).toEqual(['20006', '0.5']);
  });

  it('of a stale owner writes nothing', async () => {
    await claimBots(rows.pool, 'other-engine', ['1']);
    expect(await recordOne(store, evidence())).toEqual({ verdict: 'fenced' });
    expect([await count('fills'), await count('trades')]).toEqual([0, 0]);
  });

  it('of an earlier life of the same owner writes nothing', async () => {
    await claimBots(rows.pool, holder, ['1']);
    expect(await recordOne(store, evidence())).toEqual({ verdict: 'fenced' });
    expect([await count('fills'), await count('trades')]).toEqual([0, 0]);
  });

  it('of an order without an intent is answered as such', async () => {
    expect(await recordOne(store, evidence({ clientOrderId: 'unheard-of' }))).toEqual({ verdict: 'no-such-order' });
  });

  it('realises profit on the exit, net of both fees', async () => {
    await recordOne(store, evidence());
    await commitIntents(rows.pool, holder, [
      intent(rows.userId, {
        clientOrderId: 'ektest-1-b-1',
        role: 'exit',
        side: 'SELL',
        decisionMs: 1_700_000_060_000,
        quantity: d('0.4995'),
      }),
    ]);
    await recordOne(
      store,
      evidence({
        clientOrderId: 'ektest-1-b-1',
        exchangeOrderId: '78',
        executedQuantity: d('0.4995'),
        fills: [fill('2', '0.4995', '21000', { commission: d('10.4895'), commissionAsset: 'USDT', atMs: 1_700_000_060_500 })],
      }),
    );
    const [trade] = (
      await rows.pool.query<{ pnl: string; realized_pnl: string }>("select pnl::text, realized_pnl::text from trades where side = 'SELL'")
    ).rows;
    expect([d(trade?.pnl ?? 0).toFixed(), d(trade?.realized_pnl ?? 0).toFixed()]).toEqual(['499.5', '479.0105']);
    const state = (await loadBots(rows.pool, ['1'])).get('1')?.stateData;
    expect([state?.position.quantity.toFixed(), state?.realisedTotal.toFixed()]).toEqual(['0', '479.0105']);
  });

  it('told in parallel by two paths is booked once', async () => {
    const answers = await Promise.all([
      recordOne(store, evidence()),
      recordOne(store, evidence({ source: 'stream' })),
      recordOne(store, evidence({ source: 'history' })),
    ]);
    expect(answers.map((answer) => (answer.verdict === 'recorded' ? answer.newFills.length : -1)).sort()).toEqual([0, 0, 1]);
    expect(await count('fills')).toBe(1);
  });

  it('finds our orders by the ids that history tells, and where history ended', async () => {
    await recordOne(store, evidence());
    expect(await store.byExchangeId(place, ['77', '99'])).toMatchObject([{ clientOrderId: 'ektest-1-a-1' }]);
    const { atMs } = evidence().fills[0] ?? { atMs: 0 };
    expect(await store.lastTradeId(place, atMs + 1)).toBe('1');
    expect(await store.lastTradeId(place, atMs)).toBeNull();
    for (const elsewhere of [{ symbol: 'ETHUSDT' }, { account: 'another' }, { venue: 'binance' }]) {
      expect(await store.lastTradeId({ ...place, ...elsewhere }, atMs + 1)).toBeNull();
      expect(await store.byExchangeId({ ...place, ...elsewhere }, ['77'])).toEqual([]);
    }
  });

  it('of two orders of ours that matched each other has one trade id and is booked for both', async () => {
    await recordOne(store, evidence());
    await commitIntents(rows.pool, holder, [intent(rows.userId, { botId: '2', clientOrderId: 'ektest-2-a-1' })]);
    const other = { botId: '2', clientOrderId: 'ektest-2-a-1', exchangeOrderId: '78' };
    for (let told = 0; told < 2; told += 1) {
      const answer = await recordOne(store, evidence(other));
      expect(answer).toMatchObject({ verdict: 'recorded', order: { state: 'filled' } });
      expect(answer.verdict === 'recorded' ? answer.newFills.map(({ tradeId }) => tradeId) : []).toEqual(told === 0 ? ['1'] : []);
    }
    expect([await count('fills'), await count('trades')]).toEqual([2, 2]);
  });

  it('has the row of another one where another account or market gave its order the same number', async () => {
    await recordOne(store, evidence());
    const other = intent(rows.userId, { botId: '2', clientOrderId: 'ektest-2-a-1', account: 'another' });
    await commitIntents(rows.pool, holder, [other]);
    expect(await recordOne(store, evidence({ botId: '2', clientOrderId: 'ektest-2-a-1' }))).toMatchObject({ verdict: 'recorded' });
    expect([await count('fills'), await count('trades')]).toEqual([2, 2]);
    const { rows: trades } = await rows.pool.query<{ account: string; market: string }>('select account, market from trades order by id');
    expect(trades).toEqual([
      { account: 'simulated', market: 'spot' },
      { account: 'another', market: 'spot' },
    ]);
  });
});

describe('the kind of an exit', () => {
  it('is known to the next owner from the order and from each of its fills', async () => {
    await commitIntents(rows.pool, holder, [intent(rows.userId)]);
    await recordOne(store, evidence());
    const exit = { clientOrderId: 'ektest-1-b-1', decisionMs: 1_700_000_060_000, role: 'exit', exitKind: 'stop', side: 'SELL' } as const;
    await commitIntents(rows.pool, holder, [intent(rows.userId, exit)]);
    const answer = await recordOne(
      store,
      evidence({ clientOrderId: exit.clientOrderId, exchangeOrderId: '78', fills: [fill('2', '0.4', '19000')] }),
    );
    expect(answer.verdict === 'recorded' && answer.newFills.map(({ exitKind }) => exitKind)).toEqual(['stop']);
    const loaded = (await loadBots(rows.pool, ['1'])).get('1');
    expect(loaded?.orders.map(({ exitKind }) => exitKind)).toEqual([null, 'stop']);
    expect(loaded?.fills.map(({ exitKind }) => exitKind)).toEqual([null, 'stop']);
  });

  it('belongs to exits', async () => {
    await expect(commitIntents(rows.pool, holder, [intent(rows.userId, { exitKind: 'stop' })])).rejects.toMatchObject({ code: '23514' });
  });
});

describe('a claim', () => {
  it('raises the epoch, so that an owner who lost the bot can write no status and no order', async () => {
    const epochs = await claimBots(rows.pool, 'other-engine', ['1']);
    expect(epochs.get('1')).toBe(2);
    const status = { botId: '1', epoch: 1, message: 'mine', lastExecutionMs: null, stateData: {} };
    expect(await writeStatuses(rows.pool, holder, [status])).toEqual(new Set());
    expect(await writeStatuses(rows.pool, 'other-engine', [{ ...status, epoch: 2 }])).toEqual(new Set(['1']));
  });

  it('merges what bots say of themselves into their state without touching the position', async () => {
    await commitIntents(rows.pool, holder, [intent(rows.userId)]);
    await recordOne(store, evidence());
    await writeStatuses(rows.pool, holder, [
      { botId: '1', epoch: 1, message: 'holding', lastExecutionMs: 1_700_000_000_000, stateData: { pausedReason: 'lunch' } },
    ]);
    const state = (await loadBots(rows.pool, ['1'])).get('1')?.stateData;
    expect([state?.pausedReason, state?.position.quantity.toFixed()]).toEqual(['lunch', '0.4995']);
  });

  it('tells what came into the row with a status, once, and nothing for an owner who lost the bot', async () => {
    const warning: DayNotice = { topic: 'daily-loss-warning', dayStartMs: 0, atMs: 5, reason: 'near its limit' };
    const status = (epoch: number, notices: readonly DayNotice[]) => ({
      botId: '1',
      epoch,
      message: '',
      lastExecutionMs: null,
      stateData: { notices },
    });
    const told = async () => (await rows.pool.query('select topic, bot_config_id, payload from outbox_events order by id')).rows as unknown;
    const first = { topic: 'daily-loss-warning', bot_config_id: '1', payload: { dayStartMs: 0, atMs: 5, reason: 'near its limit' } };
    await writeStatuses(rows.pool, holder, [status(1, [warning])]);
    // Again by the next status, and by one that a restarted bot worked out anew.
    await writeStatuses(rows.pool, holder, [status(1, [{ ...warning, atMs: 6 }])]);
    expect(await told()).toEqual([first]);
    expect((await loadBots(rows.pool, ['1'])).get('1')?.stateData.notices).toEqual([{ ...warning, atMs: 6 }]);
    const nextDay = { ...warning, dayStartMs: 86_400_000 };
    await writeStatuses(rows.pool, holder, [status(0, [warning, nextDay])]);
    expect(await told()).toEqual([first]);
    await writeStatuses(rows.pool, holder, [status(1, [warning, nextDay])]);
    expect(await told()).toEqual([first, { ...first, payload: { ...first.payload, dayStartMs: 86_400_000 } }]);
  });

  it('is let go by its holder only', async () => {
    await releaseBots(rows.pool, 'other-engine', [{ botId: '1', message: 'no' }]);
    expect((await readWishes(rows.pool)).find((wish) => wish.botId === '1')).toMatchObject({ holder, epoch: 1 });
    await releaseBots(rows.pool, holder, [{ botId: '1', message: 'stopped' }]);
    expect((await readWishes(rows.pool)).find((wish) => wish.botId === '1')).toMatchObject({ holder: null, epoch: 1 });
  });
});

describe('a bot that is switched off', () => {
  const wish = async () => (await readWishes(rows.pool)).find(({ botId }) => botId === '1');
  beforeEach(() => rows.pool.query('update bot_configs set is_active = false where id = 1'));

  it('is somebody’s concern while it has a holder, who may be dead', async () => {
    expect(await wish()).toMatchObject({ wanted: false, holder });
    await releaseBots(rows.pool, holder, [{ botId: '1', message: 'stopped' }]);
    expect(await wish()).toBeUndefined();
  });

  it('is somebody’s concern while the fate of one of its orders is open', async () => {
    await commitIntents(rows.pool, holder, [intent(rows.userId)]);
    await releaseBots(rows.pool, holder, [{ botId: '1', message: 'stopped' }]);
    expect(await wish()).toMatchObject({ wanted: false, holder: null });
  });
});

describe('stops and targets', () => {
  const stop = { role: 'stop', side: 'SELL', type: 'STOP_LOSS', stopPrice: d('19600'), clientOrderId: 'ektest-1-as-1' } as const;
  const target = { role: 'target', side: 'SELL', type: 'LIMIT_MAKER', price: d('20600'), clientOrderId: 'ektest-1-at-1' } as const;
  const commit = async (...changes: Parameters<typeof intent>[1][]): Promise<unknown[]> => [
    ...(
      await commitIntents(
        rows.pool,
        holder,
        changes.map((change) => intent(rows.userId, change)),
      )
    ).values(),
  ];

  it('of one operation are durable together, with their prices, and known to the next owner', async () => {
    expect(await commit(stop, target)).toEqual(['committed', 'committed']);
    const { orders } = (await loadBots(rows.pool, ['1'])).get('1') ?? { orders: [] };
    expect(
      orders.map(({ role, type, quantity, price, stopPrice, slot }) => [
        role,
        type,
        quantity.toFixed(),
        price?.toFixed(),
        stopPrice?.toFixed(),
        slot,
      ]),
    ).toEqual([
      ['stop', 'STOP_LOSS', '0.5', undefined, '19600', 0],
      ['target', 'LIMIT_MAKER', '0.5', '20600', undefined, 0],
    ]);
  });

  it('are one per bot and role, but for a stop that takes the place of the standing one', async () => {
    await commit(stop, target);
    expect(await commit({ ...stop, decisionMs: 2, clientOrderId: 'second' })).toEqual(['refused']);
    expect(await commit({ ...target, decisionMs: 2, clientOrderId: 'second' })).toEqual(['refused']);
    expect(await commit({ ...stop, slot: 1, decisionMs: 2, clientOrderId: 'replacement' })).toEqual(['committed']);
    expect(await commit({ ...stop, slot: 1, decisionMs: 3, clientOrderId: 'third' })).toEqual(['refused']);
    await recordOne(
      store,
      evidence({ clientOrderId: stop.clientOrderId, state: 'cancelled', executedQuantity: d(0), executedQuote: d(0), fills: [] }),
    );
    expect(await commit({ ...stop, slot: 0, decisionMs: 4, clientOrderId: 'fourth' })).toEqual(['committed']);
    await expect(commit({ ...target, slot: 1, decisionMs: 5, clientOrderId: 'no' })).rejects.toThrow(/orders_slot_check/);
  });

  it('sell as exits do: fill, trade row and position in one unit of work', async () => {
    await commit({});
    await recordOne(store, evidence());
    await commit(stop);
    const sold = await recordOne(
      store,
      evidence({
        clientOrderId: stop.clientOrderId,
        exchangeOrderId: '78',
        executedQuantity: d('0.4995'),
        executedQuote: d('9790.2'),
        fills: [fill('2', '0.4995', '19600', { commission: d('9.7902'), commissionAsset: 'USDT' })],
      }),
    );
    expect(sold).toMatchObject({ verdict: 'recorded', order: { state: 'filled' }, newFills: [{ role: 'stop', side: 'SELL' }] });
    const { rows: trades } = await rows.pool.query('select side, order_type, pnl::float8 as pnl from trades order by id');
    expect(trades).toEqual([
      { side: 'BUY', order_type: 'MARKET', pnl: 0 },
      { side: 'SELL', order_type: 'STOP_LOSS', pnl: -199.8 },
    ]);
    const { rows: states } = await rows.pool.query(
      `select state_data->'position'->>'quantity' as quantity from bot_state where bot_config_id = 1`,
    );
    expect(states).toEqual([{ quantity: '0' }]);
  });
});
