/**
 * The capital ledger keeps its rules in PostgreSQL and in memory alike: what an account has, what entries reserve until a reading
 * contains it, the caps over all bots of the account, and two engines that decide at the same close.
 */
import { recordOne } from '../../../engine/persistence/order-store.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadConfigs } from '../../../engine/persistence/bot-rows.ts';
import type { BotStore } from '../../../engine/persistence/bot-store.ts';
import type { CapitalStore } from '../../../engine/persistence/capital-store.ts';
import type { Intent, IntentVerdict } from '../../../engine/persistence/commit-intents.ts';
import type { ExecutionEvidence, OrderState, OrderStore } from '../../../engine/persistence/order-store.ts';
import { createPostgresBotStore } from '../../../engine/persistence/postgres-bot-store.ts';
import { createPostgresCapitalStore } from '../../../engine/persistence/postgres-capital-store.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { balanceMaxAgeMs } from '../../../engine/trading/capital.ts';
import { createMemoryCapitalStore } from '../../simulation/memory-capital.ts';
import { MemoryDatabase } from '../../simulation/memory-database.ts';
import { atOnce, createMemoryBotStore, createMemoryOrderStore } from '../../simulation/memory-stores.ts';
import { btc, d } from '../../unit/trading/given.ts';
import { intent, openRows } from './given.ts';
import type { Rows } from './given.ts';

const place = { venue: 'simulated', account: 'simulated', asset: 'USDT' } as const;
const dayMs = 86_400_000;
const atMs = 1_700_000_000_001;
const todayMs = Math.floor(atMs / dayMs) * dayMs;
const botIds = ['1', '2', '3'];

interface World {
  readonly orders: OrderStore;
  readonly bots: BotStore;
  readonly capital: CapitalStore;
  limit(maxExposure: number | null, maxDailyLoss: number | null): Promise<void>;
  /** The last reading was that long ago. */
  age(ms: number): Promise<void>;
}

let rows: Rows;
beforeAll(async () => {
  rows = await openRows();
});
afterAll(() => rows.close());

async function overPostgres(): Promise<World> {
  await rows.pool.query(
    'truncate outbox_events, trades, fills, orders, bot_state, bot_commands, account_capital, account_limits restart identity cascade',
  );
  await rows.pool.query(`update bot_configs set mode = 'live'`);
  const options = { pool: rows.pool, holder: 'one-engine', clock: systemClock };
  return {
    orders: createPostgresOrderStore({ ...options, orm: rows.orm }),
    bots: createPostgresBotStore(options),
    capital: createPostgresCapitalStore(options),
    async limit(maxExposure, maxDailyLoss) {
      await rows.pool.query(
        `insert into account_limits (venue, account, asset, max_exposure, max_daily_loss, created_at, updated_at) values ($1, $2, $3, $4, $5, now(), now())`,
        [place.venue, place.account, place.asset, maxExposure, maxDailyLoss],
      );
    },
    async age(ms) {
      await rows.pool.query(`update account_capital set read_at = clock_timestamp() - $1 * interval '1 millisecond'`, [ms]);
    },
  };
}

async function inMemory(): Promise<World> {
  const database = new MemoryDatabase();
  for (const config of (await loadConfigs(rows.pool, botIds)).values()) database.addBot({ ...config, mode: 'live' });
  const now = (): number => systemClock.now();
  const options = { database, holder: 'one-engine', travel: atOnce, endCommits: () => undefined, now };
  return {
    orders: createMemoryOrderStore(options),
    bots: createMemoryBotStore(options),
    capital: createMemoryCapitalStore({ capital: database.capital, travel: atOnce, now }),
    async limit(maxExposure, maxDailyLoss) {
      database.capital.setLimits(place, {
        maxExposure: maxExposure === null ? null : d(maxExposure),
        maxDailyLoss: maxDailyLoss === null ? null : d(maxDailyLoss),
      });
    },
    async age(ms) {
      for (const row of database.capital.capital.values()) row.readAtMs = now() - ms;
    },
  };
}

const entry = (botId: string, cost: number, change: Partial<Intent> = {}): Intent =>
  intent(rows.userId, {
    botId,
    clientOrderId: `ektest-${botId}-${cost}`,
    reservation: { asset: place.asset, amount: d(cost) },
    signedTimestampMs: atMs,
    ...change,
  });

/** What the rows learn of the entry of a bot; `quote` was paid for 0.01 BTC when something was executed. */
const told = (order: Intent, state: OrderState, quote = 0): ExecutionEvidence => ({
  botId: order.botId,
  epoch: 1,
  clientOrderId: order.clientOrderId,
  instrument: btc,
  state,
  exchangeOrderId: state === 'rejected' || state === 'never-placed' ? null : `at-exchange-${order.clientOrderId}`,
  executedQuantity: quote === 0 ? null : d('0.01'),
  executedQuote: quote === 0 ? null : d(quote),
  fills:
    quote === 0
      ? []
      : [
          {
            tradeId: `${Number(order.botId) * 1_000 + quote}`,
            price: d(quote).times(100),
            quantity: d('0.01'),
            commission: d('0.00001'),
            commissionAsset: 'BTC',
            isMaker: false,
            atMs,
          },
        ],
  source: 'ack',
  proof: null,
});

describe.each([
  ['PostgreSQL', overPostgres],
  ['memory', inMemory],
])('the capital ledger in %s', (_, open) => {
  let world: World;

  beforeEach(async () => {
    world = await open();
    await world.bots.claim(botIds);
  });

  const read = async (free: number): Promise<ReadonlySet<string>> =>
    world.capital.write(await world.capital.begin(place.venue, place.account), [{ asset: place.asset, free: d(free) }]);
  const rule = (verdict: IntentVerdict | undefined): string | undefined => (typeof verdict === 'object' ? verdict.rule : verdict);
  const commit = async (...intents: readonly Intent[]): Promise<(string | undefined)[]> => {
    const verdicts = await world.orders.commit(intents);
    return intents.map(({ clientOrderId }) => rule(verdicts.get(clientOrderId)));
  };
  const publish = (botId: string, equity: number, startMs = todayMs): Promise<unknown> =>
    world.bots.writeStatuses([
      {
        botId,
        epoch: 1,
        message: '',
        lastExecutionMs: null,
        stateData: { day: { startMs, startEquity: '1000', equity: String(equity), lossReached: false } },
      },
    ]);
  /** The bot has bought for `cost`, and a reading has settled that. */
  const holding = async (botId: string, cost: number, free: number): Promise<void> => {
    const order = entry(botId, cost, { decisionMs: 1, clientOrderId: `ektest-${botId}-held` });
    expect(await commit(order)).toEqual(['committed']);
    await recordOne(world.orders, told(order, 'filled', cost));
    await read(free);
  };

  it('admits nothing while the balance was never read or was read too long ago', async () => {
    expect(await commit(entry('1', 10))).toEqual(['account-capital']);
    await read(1_000);
    await world.age(balanceMaxAgeMs + 1_000);
    expect(await commit(entry('1', 10))).toEqual(['account-capital']);
    await world.age(balanceMaxAgeMs - 10_000);
    expect(await commit(entry('1', 10))).toEqual(['committed']);
  });

  it('admits entries of one statement in their order as far as the account goes, and says both numbers', async () => {
    await read(1_000);
    const wanted = [entry('1', 600), entry('2', 500), entry('3', 400)];
    const verdicts = await world.orders.commit(wanted);
    expect(wanted.map(({ clientOrderId }) => rule(verdicts.get(clientOrderId)))).toEqual(['committed', 'account-capital', 'committed']);
    expect(verdicts.get('ektest-2-500')).toMatchObject({
      reason: expect.stringMatching(/needs 500\.00 USDT .* 400\.00 USDT remain/) as unknown,
    });
    expect(await world.orders.committed(['ektest-2-500'])).toEqual(new Set());
  });

  it('lets two statements that come at the same time spend the account once', async () => {
    await read(1_000);
    const verdicts = await Promise.all([commit(entry('1', 600)), commit(entry('2', 600)), commit(entry('3', 600))]);
    expect(verdicts.flat().sort()).toEqual(['account-capital', 'account-capital', 'committed']);
  });

  it('does not ask exits, nor entries that reserve nothing', async () => {
    expect(await commit(entry('1', 10, { role: 'exit', side: 'SELL', reservation: null }), entry('2', 10, { reservation: null }))).toEqual([
      'committed',
      'committed',
    ]);
  });

  it.each(['rejected', 'never-placed', 'expired'] as const)('frees at once what an entry that is %s had reserved', async (state) => {
    await read(1_000);
    const first = entry('1', 900);
    expect(await commit(first)).toEqual(['committed']);
    expect(await commit(entry('2', 900))).toEqual(['account-capital']);
    await recordOne(world.orders, told(first, state));
    expect(await commit(entry('2', 900))).toEqual(['committed']);
  });

  it('keeps what a filled entry spent until a reading that began afterwards', async () => {
    await read(1_000);
    const first = entry('1', 900);
    await commit(first);
    const early = await world.capital.begin(place.venue, place.account);
    await recordOne(world.orders, told(first, 'filled', 880));
    // The balance may or may not contain it: 120 are free for certain.
    await world.capital.write(early, [{ asset: place.asset, free: d(1_000) }]);
    expect(await commit(entry('2', 121))).toEqual(['account-capital']);
    await read(120);
    expect(await commit(entry('2', 120))).toEqual(['committed']);
  });

  it('drops a reading that another one has overtaken', async () => {
    const slow = await world.capital.begin(place.venue, place.account);
    expect(await read(100)).toEqual(new Set([place.asset]));
    expect(await world.capital.write(slow, [{ asset: place.asset, free: d(5_000) }])).toEqual(new Set());
    expect(await commit(entry('1', 101))).toEqual(['account-capital']);
  });

  it('counts an entry again that was declared never placed, was settled and exists', async () => {
    await read(1_000);
    const first = entry('1', 900);
    await commit(first);
    await recordOne(world.orders, told(first, 'never-placed'));
    await read(1_000);
    await recordOne(world.orders, told(first, 'filled', 880));
    expect(await commit(entry('2', 121))).toEqual(['account-capital']);
    expect(await commit(entry('2', 120))).toEqual(['committed']);
  });

  it('keeps positions and entries of all bots together under max_exposure', async () => {
    await read(10_000);
    await holding('1', 500, 9_500);
    await world.limit(1_000, null);
    expect(await commit(entry('2', 501))).toEqual(['account-exposure']);
    expect(await commit(entry('2', 300), entry('3', 201))).toEqual(['committed', 'account-exposure']);
    expect(await commit(entry('3', 200))).toEqual(['committed']);
  });

  it('closes entries for the rest of the UTC day once the bots have lost max_daily_loss together', async () => {
    await read(10_000);
    await holding('1', 500, 9_500);
    await holding('2', 500, 9_000);
    await world.limit(null, 100);
    await publish('1', 960);
    await publish('2', 941);
    expect(await commit(entry('3', 10, { clientOrderId: 'a' }))).toEqual(['committed']);
    await recordOne(world.orders, told(entry('3', 10, { clientOrderId: 'a' }), 'rejected'));
    await publish('2', 940);
    await world.capital.noteLosses(place.venue, place.account, atMs);
    // It stays closed when the loss is made up for, and opens the next day.
    await publish('2', 1_040);
    expect(await commit(entry('3', 10, { clientOrderId: 'b', attempt: 2 }))).toEqual(['account-loss']);
    expect(await commit(entry('3', 10, { clientOrderId: 'c', attempt: 3, signedTimestampMs: atMs + dayMs }))).toEqual(['committed']);
  });

  it('notices the loss with an entry, too, and does not count results of other days', async () => {
    await read(10_000);
    await holding('1', 500, 9_500);
    await world.limit(null, 100);
    await publish('1', 500, todayMs - dayMs);
    expect(await commit(entry('2', 10))).toEqual(['committed']);
    await publish('1', 900);
    expect(await commit(entry('3', 10))).toEqual(['account-loss']);
    await publish('1', 1_000);
    expect(await commit(entry('3', 10))).toEqual(['account-loss']);
  });
});
