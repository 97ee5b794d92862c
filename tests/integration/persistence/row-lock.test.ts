/** Evidence of two orders of one bot that comes at the same time: both fold onto one position. */
import { recordOne } from '../../../engine/persistence/order-store.ts';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadBots } from '../../../engine/persistence/bot-rows.ts';
import { claimBots } from '../../../engine/persistence/claim-bots.ts';
import { commitIntents } from '../../../engine/persistence/commit-intents.ts';
import type { ExecutionEvidence, OrderStore } from '../../../engine/persistence/order-store.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { eventually } from '../../e2e/support/processes.ts';
import { btc, d } from '../../unit/trading/given.ts';
import { holder, intent, openRows } from './given.ts';
import type { Rows } from './given.ts';

let rows: Rows;
let store: OrderStore;

beforeEach(async () => {
  rows = await openRows();
  store = createPostgresOrderStore({ orm: rows.orm, pool: rows.pool, holder, clock: systemClock });
  await claimBots(rows.pool, holder, ['1']);
});
afterEach(() => rows.close());

const filled = (clientOrderId: string, number: string): ExecutionEvidence => ({
  botId: '1',
  epoch: 1,
  clientOrderId,
  instrument: btc,
  state: 'filled',
  exchangeOrderId: number,
  executedQuantity: d('0.5'),
  executedQuote: d(10_000),
  fills: [
    {
      tradeId: number,
      price: d(20_000),
      quantity: d('0.5'),
      commission: d(0),
      commissionAsset: 'USDT',
      isMaker: false,
      atMs: 1_700_000_000_000,
    },
  ],
  source: 'history',
  proof: {},
});

it('the second waits for the first, so that no fill is folded onto a position that has moved on', async () => {
  const ids = ['ektest-1-a-1', 'ektest-1-b-1'] as const;
  await commitIntents(rows.pool, holder, [intent(rows.userId, { clientOrderId: ids[0] })]);
  await rows.pool.query(`update orders set state = 'unknown', role = 'stop' where client_order_id = $1`, [ids[0]]);
  await commitIntents(rows.pool, holder, [intent(rows.userId, { clientOrderId: ids[1], decisionMs: 1_700_000_060_000 })]);
  // Without the lock both would read the same position, and the second write would lose what the first one added.
  const blocker = await rows.pool.connect();
  await blocker.query('begin');
  await blocker.query('select 1 from orders where client_order_id = any($1) for update', [ids]);
  const answers = Promise.all([recordOne(store, filled(ids[0], '71')), recordOne(store, filled(ids[1], '72'))]);
  await eventually('both wait', 20_000, async () => {
    const { rowCount } = await rows.pool.query(
      `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    );
    return rowCount === 2;
  });
  await blocker.query('commit');
  blocker.release();
  expect((await answers).map(({ verdict }) => verdict)).toEqual(['recorded', 'recorded']);
  const state = (await loadBots(rows.pool, ['1'])).get('1')?.stateData;
  expect(state?.position.quantity.toFixed()).toBe('1');
});
