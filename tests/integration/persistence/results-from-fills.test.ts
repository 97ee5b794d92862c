/** Profit follows from fills alone: whatever was executed and in whichever asset fees were paid, the view says what the rows say. */
import { recordOne } from '../../../engine/persistence/order-store.ts';
import fc from 'fast-check';
import type { Decimal } from 'decimal.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBots } from '../../../engine/persistence/bot-rows.ts';
import { claimBots } from '../../../engine/persistence/claim-bots.ts';
import { commitIntents } from '../../../engine/persistence/commit-intents.ts';
import type { OrderStore, ReportedFill } from '../../../engine/persistence/order-store.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { exact, toRowScale, zero } from '../../../engine/trading/exact.ts';
import { btc, d } from '../../unit/trading/given.ts';
import { holder, intent, openRows } from './given.ts';
import type { Rows } from './given.ts';

let rows: Rows;
let store: OrderStore;
let trades = 0;

beforeAll(async () => {
  rows = await openRows();
  store = createPostgresOrderStore({ orm: rows.orm, pool: rows.pool, holder, clock: systemClock });
});
afterAll(() => rows.close());

async function newBot(): Promise<string> {
  const { rows: columns } = await rows.pool.query<{ names: string }>(
    `select string_agg(quote_ident(column_name), ', ') as names from information_schema.columns where table_name = 'bot_configs' and column_name <> 'id'`,
  );
  const names = columns[0]?.names ?? '';
  const { rows: made } = await rows.pool.query<{ id: string }>(
    `insert into bot_configs (${names}) select ${names} from bot_configs where id = 1 returning id::text`,
  );
  const id = made[0]?.id ?? '';
  await claimBots(rows.pool, holder, [id]);
  return id;
}

interface Execution {
  readonly price: Decimal;
  readonly quantity: Decimal;
  readonly feeIn: 'BTC' | 'USDT' | 'BNB' | 'BNB unvalued';
  readonly commission: Decimal;
  readonly worth: Decimal;
}

/** One order through the real store, its executions told in two pieces. */
async function execute(botId: string, n: number, side: 'BUY' | 'SELL', executions: readonly Execution[]): Promise<void> {
  const clientOrderId = `ektest-${botId}-${n}-1`;
  const quantity = executions.reduce((sum, one) => sum.plus(one.quantity), zero);
  const role = side === 'BUY' ? 'entry' : 'exit';
  await commitIntents(rows.pool, holder, [
    { ...intent(rows.userId), botId, clientOrderId, decisionMs: 1_700_000_000_000 + n, side, role, quantity },
  ]);
  const fills = executions.map(({ price, quantity: filled, feeIn, commission, worth }): ReportedFill => {
    trades += 1;
    return {
      tradeId: String(trades),
      price,
      quantity: filled,
      commission,
      commissionAsset: feeIn.slice(0, 4).trim(),
      ...(feeIn === 'BNB' ? { commissionWorth: worth } : feeIn === 'BNB unvalued' ? { commissionWorth: null } : {}),
      isMaker: false,
      atMs: 1_700_000_000_000 + trades,
    };
  });
  for (const piece of [fills.slice(0, 1), fills]) {
    const answer = await recordOne(store, {
      ...{ botId, epoch: 1, clientOrderId, instrument: btc, exchangeOrderId: `${botId}-${n}`, executedQuote: null },
      ...{ state: 'filled', executedQuantity: quantity, fills: piece, source: 'ack', proof: {} },
    });
    expect(answer.verdict).toBe('recorded');
  }
}

const results = async (from: string, botId: string) =>
  (
    await rows.pool.query<Record<string, string>>(
      `select order_id::text, trim_scale(quantity_filled)::text as quantity, trim_scale(quote_quantity_filled)::text as quote,
              trim_scale(pnl)::text as pnl, trim_scale(realized_pnl)::text as realized
       from ${from} where bot_config_id = $1 order by order_id`,
      [botId],
    )
  ).rows;

describe('the view over fills', () => {
  it('says what the trades say to the last digit, and the bot sums up to what its balances changed by', async () => {
    const execution = fc.record({
      lots: fc.integer({ min: 1, max: 300_000 }),
      cents: fc.integer({ min: 100, max: 10_000_000 }),
      feeBp: fc.integer({ min: 0, max: 50 }),
      feeIn: fc.constantFrom('BTC' as const, 'USDT' as const, 'BNB' as const, 'BNB unvalued' as const),
    });
    const order = fc.record({ buy: fc.boolean(), all: fc.boolean(), executions: fc.array(execution, { minLength: 1, maxLength: 3 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(order, { minLength: 2, maxLength: 9 }), async (orders) => {
        const botId = await newBot();
        let [cash, coins] = [zero, zero];
        for (const [n, { buy, all, executions }] of [{ buy: true, all: false, executions: [] }, ...orders].entries()) {
          const made: Execution[] = [];
          for (const { lots, cents, feeBp, feeIn } of executions) {
            const price = exact(cents).div(100);
            const rate = exact(feeBp).div(10_000);
            const wanted = exact(lots).times('0.00001');
            // A seller pays a fee in coins from what is left.
            const most = feeIn === 'BTC' ? coins.div(rate.plus(1)).toDecimalPlaces(8, 1) : coins;
            const quantity = buy ? wanted : all || wanted.gt(most) ? most : wanted;
            if (quantity.lte(0)) continue;
            const commission = (feeIn === 'BTC' ? quantity : quantity.times(price)).times(rate).toDecimalPlaces(8, 1);
            const worth = toRowScale(commission.times('612.3456789'));
            coins = buy ? coins.plus(quantity) : coins.minus(quantity);
            cash = buy ? cash.minus(quantity.times(price)) : cash.plus(quantity.times(price));
            if (feeIn === 'BTC') coins = coins.minus(commission);
            if (feeIn === 'USDT') cash = cash.minus(commission);
            if (feeIn === 'BNB') cash = cash.minus(worth);
            made.push({ price, quantity, feeIn, commission, worth });
          }
          if (made.length > 0) await execute(botId, n, buy ? 'BUY' : 'SELL', made);
        }
        const derived = await results('trade_results', botId);
        expect(derived).toEqual(await results('trades', botId));
        const realised = derived.reduce((sum, { realized }) => sum.plus(realized ?? 0), zero);
        const data = (await loadBots(rows.pool, [botId])).get(botId)?.stateData;
        expect(data?.realisedTotal.toFixed()).toBe(realised.toFixed());
        expect(data?.position.quantity.toFixed()).toBe(coins.toFixed());
        expect(
          realised
            .minus(data?.position.cost ?? 0)
            .minus(data?.position.entryFees ?? 0)
            .toFixed(),
        ).toBe(cash.toFixed());
      }),
      { numRuns: 15 },
    );
  });

  it('shares amounts as the core does, half to even at the 18th decimal', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 10 ** 9 }),
        fc.integer({ min: 1, max: 10 ** 6 }),
        fc.integer({ min: 1, max: 10 ** 6 }),
        async (amount, part, whole) => {
          const [a, p, w] = [exact(amount).times('0.000000000000000001'), exact(part).div(100), exact(whole).div(100)];
          const { rows: shared } = await rows.pool.query<{ share: string }>(
            'select trim_scale(share_of($1::numeric, $2::numeric, $3::numeric))::text as share',
            [a.toFixed(), p.toFixed(), w.toFixed()],
          );
          expect(shared[0]?.share).toBe((p.gte(w) ? a : toRowScale(a.times(p).div(w))).toFixed());
        },
      ),
      {
        numRuns: 200,
        examples: [
          [1, 1, 2],
          [3, 1, 2],
          [5, 1, 2],
        ],
      },
    );
  });

  it('keeps a commission whose worth is not known out of the profit, and says so', async () => {
    const botId = await newBot();
    const one = { price: d(100), quantity: d(1), commission: d('0.01'), worth: d(6) };
    await execute(botId, 1, 'BUY', [{ ...one, feeIn: 'BNB unvalued' }]);
    await execute(botId, 2, 'SELL', [{ ...one, feeIn: 'BNB' }]);
    expect((await results('trade_results', botId)).map(({ pnl, realized }) => [pnl, realized])).toEqual([
      ['0', '0'],
      ['0', '-6'],
    ]);
    const { rows: costs } = await rows.pool.query<{ cost: string | null }>(
      'select trim_scale(quote_commission)::text as cost from fills where bot_config_id = $1 order by id',
      [botId],
    );
    expect(costs.map(({ cost }) => cost)).toEqual([null, '6']);
  });

  it('takes no position below nothing for a fee in coins, and counts what others of the account paid', async () => {
    const botId = await newBot();
    const one = { price: d(600), quantity: d(1), worth: zero, feeIn: 'BTC' } as const;
    await execute(botId, 1, 'BUY', [{ ...one, commission: d('0.00075') }]);
    await execute(botId, 2, 'SELL', [{ ...one, quantity: d('0.999'), commission: d('0.00074925') }]);
    await execute(botId, 3, 'BUY', [{ ...one, commission: d('0.00075') }]);
    const derived = await results('trade_results', botId);
    expect(derived).toEqual(await results('trades', botId));
    // 0.00025 of the fee were the bot's; the others cost 0.00049925 x 600.
    expect(derived[1]?.['realized']).toBe(d('0.999').times(600).minus(d('0.99925').times(600)).minus('0.45').minus('0.29955').toFixed());
    const data = (await loadBots(rows.pool, [botId])).get(botId)?.stateData;
    expect([data?.position.quantity.toFixed(), data?.position.cost.toFixed()]).toEqual(['0.99925', '599.55']);
  });

  it('reads executions that were written before they named their commission parts', async () => {
    const botId = await newBot();
    const one = { price: d(100), quantity: d(1), commission: d('0.01'), worth: d(6) };
    await execute(botId, 1, 'BUY', [
      { ...one, feeIn: 'BTC' },
      { ...one, feeIn: 'USDT' },
      { ...one, feeIn: 'BNB' },
      { ...one, feeIn: 'BNB', commission: d(0), worth: d(0) },
    ]);
    const parts = async () =>
      (
        await rows.pool.query<{ base: string; quote: string | null }>(
          `select trim_scale(base_commission)::text as base, trim_scale(quote_commission)::text as quote
           from fills where bot_config_id = $1 order by id`,
          [botId],
        )
      ).rows.map(({ base, quote }) => [base, quote]);
    const inBaseAndQuote = [
      ['0.01', '0'],
      ['0', '0.01'],
    ];
    expect(await parts()).toEqual([...inBaseAndQuote, ['0', '6'], ['0', '0']]);
    const migrations = ['Migration20261127234000_commission_parts', 'Migration20261130144500_fee_of_other_coins'];
    await rows.orm.migrator.down({ migrations: [...migrations].reverse() });
    await rows.orm.migrator.up({ migrations });
    // What BNB were worth then nobody knows any more.
    expect(await parts()).toEqual([...inBaseAndQuote, ['0', null], ['0', '0']]);
  });
});
