/**
 * The rows in memory that simulations stand on keep the rules of the real ones: the same random history of claims, intents
 * and evidence, played against PostgreSQL and against memory, gets the same answers and leaves the same rows.
 */
import { Decimal } from 'decimal.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BotStore } from '../../../engine/persistence/bot-store.ts';
import { loadConfigs } from '../../../engine/persistence/bot-rows.ts';
import { orderStates } from '../../../engine/persistence/order-store.ts';
import type { ExecutionEvidence, OrderStore } from '../../../engine/persistence/order-store.ts';
import { createPostgresBotStore } from '../../../engine/persistence/postgres-bot-store.ts';
import { createPostgresOrderStore } from '../../../engine/persistence/postgres-order-store.ts';
import { createPostgresReconcileStore } from '../../../engine/persistence/postgres-reconcile-store.ts';
import type { LostOrder, ReconcileStore } from '../../../engine/persistence/reconcile-store.ts';
import { systemClock } from '../../../engine/time/clock.ts';
import { MemoryDatabase } from '../../simulation/memory-database.ts';
import { atOnce, createMemoryBotStore, createMemoryOrderStore, createMemoryReconcileStore } from '../../simulation/memory-stores.ts';
import { Random } from '../../simulation/random.ts';
import { exitKinds } from '../../../engine/trading/state.ts';
import { btc, d } from '../../unit/trading/given.ts';
import { intent, openRows } from './given.ts';
import type { Rows } from './given.ts';

const place = { venue: 'simulated', account: 'simulated', market: 'spot', symbol: 'BTCUSDT' } as const;

const holders = ['one-engine', 'another-engine'] as const;
const botIds = ['1', '2', '3'] as const;

interface Stores {
  readonly orders: OrderStore;
  readonly reconciliation: ReconcileStore;
  readonly bots: BotStore;
}

/** One step of a history, on whichever stores. */
type Step = (stores: (holder: string) => Stores) => Promise<unknown>;

let rows: Rows;
let memory: MemoryDatabase;

beforeAll(async () => {
  rows = await openRows();
});
afterAll(() => rows.close());

beforeEach(async () => {
  await rows.pool.query('truncate outbox_events, trades, fills, orders, bot_state, bot_commands restart identity cascade');
  memory = new MemoryDatabase();
  for (const config of (await loadConfigs(rows.pool, botIds)).values()) memory.addBot(config);
});

const overPostgres = (holder: string): Stores => ({
  orders: createPostgresOrderStore({ orm: rows.orm, pool: rows.pool, holder, clock: systemClock }),
  bots: createPostgresBotStore({ pool: rows.pool, holder, clock: systemClock }),
  reconciliation: createPostgresReconcileStore({ pool: rows.pool, holder, clock: systemClock }),
});
const inMemory = (holder: string): Stores => {
  const options = { database: memory, holder, travel: atOnce, endCommits: () => undefined, now: () => systemClock.now() };
  return {
    orders: createMemoryOrderStore(options),
    bots: createMemoryBotStore(options),
    reconciliation: createMemoryReconcileStore(options),
  };
};

/** Answers as plain values: amounts as text, sets and maps as sorted lists, without the row's own clock. */
function plain(value: unknown): unknown {
  if (value instanceof Decimal) return value.toFixed();
  if (value instanceof Map) return [...value].map(plain).sort(byText);
  if (value instanceof Set) return [...value].sort();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'createdAtMs')
      .map(([name, field]) => [name, plain(field)]),
  );
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** A step drawn from what could happen to a few bots with a few orders. */
function draw(random: Random): Step {
  const botId = random.pick(botIds);
  const owner = memory.states.get(botId);
  // Mostly the owner acts; now and then somebody stale.
  const holder = random.chance(0.85) ? (owner?.holder ?? holders[0]) : random.pick(holders);
  const epoch = (owner?.epoch ?? 0) - (random.chance(0.85) ? 0 : random.whole(-1, 2));
  const role = random.pick(['entry', 'exit', 'stop', 'target'] as const);
  const side = role === 'entry' ? ('BUY' as const) : ('SELL' as const);
  const decision = random.whole(1, 4);
  const attempt = random.whole(1, 2);
  const clientOrderId = `ektest-${botId}-${decision}${role}-${attempt}`;
  const kind = random.next();
  if (random.chance(0.2)) return drawReconciliation(random, { botId, holder, epoch, role, decision, attempt, clientOrderId });
  if (kind < 0.12) return (stores) => stores(holder).bots.claim([botId]);
  if (kind < 0.16) return (stores) => stores(holder).bots.release([{ botId, message: 'gone' }]);
  if (kind < 0.24) {
    const notices = Array.from({ length: random.whole(0, 3) }, () => ({
      topic: random.pick(['daily-loss-warning', 'daily-loss-reached', 'daily-target-reached'] as const),
      dayStartMs: random.whole(0, 2) * 86_400_000,
      atMs: random.whole(0, 9),
      reason: 'a test',
    }));
    const once = [...new Map(notices.map((notice) => [`${notice.topic} ${notice.dayStartMs}`, notice])).values()];
    const checkpoint = {
      throughFillId: String(random.whole(0, 6)),
      position: { quantity: '0.5', cost: '1', entryFees: '0', openedAtMs: null },
      realisedTotal: '-1.5',
      baseFeeShare: random.chance(0.5) ? null : 0.001,
    };
    const stateData = {
      ...(random.chance(0.3) ? { checkpoint } : {}),
      pausedReason: decision === 1 ? null : `pause ${decision}`,
      bestPrice: decision,
      notices: once,
    };
    const status = { botId, epoch, message: `message ${decision}`, lastExecutionMs: decision === 1 ? null : decision * 60_000, stateData };
    return (stores) => stores(holder).bots.writeStatuses([status]);
  }
  if (kind < 0.5) {
    const wanted = intent(rows.userId, {
      saleBounds: random.chance(0.5) ? { leastQuantity: d('0.00001'), step: d('0.1'), leastWorth: random.chance(0.5) ? d(5) : null } : null,
      botId,
      epoch,
      clientOrderId,
      decisionMs: 1_700_000_000_000 + decision * 60_000,
      role,
      exitKind: role === 'exit' && random.chance(0.7) ? random.pick(exitKinds) : null,
      attempt,
      side,
      slot: role === 'stop' && random.chance(0.5) ? 1 : 0,
      price: role === 'target' ? d(30_000 + decision) : null,
      stopPrice: role === 'stop' ? d(20_000 + decision) : null,
    });
    // A stop and its target are one operation: their intents are committed together.
    const target = { ...wanted, role: 'target' as const, clientOrderId: `${clientOrderId}-t`, slot: 0 };
    return (stores) => stores(holder).orders.commit(role === 'stop' && attempt === 1 ? [wanted, target] : [wanted]);
  }
  if (kind < 0.55) return (stores) => stores(holder).orders.committed([clientOrderId, 'unheard-of']);
  if (kind < 0.6) return (stores) => stores(holder).orders.byExchangeId(place, [`at-exchange-${clientOrderId}`, '9']);
  // Of one bot or of several, and of one order more than once: what came in one turn is one unit of work.
  const told = Array.from({ length: random.chance(0.5) ? 1 : random.whole(2, 4) }, () =>
    drawEvidence(random, random.chance(0.5) ? botId : random.pick(botIds)),
  );
  return (stores) => stores(holder).orders.record(told);
}

function drawEvidence(random: Random, botId: string): ExecutionEvidence {
  const epoch = (memory.states.get(botId)?.epoch ?? 0) - (random.chance(0.9) ? 0 : random.whole(-1, 2));
  const quantity = d(random.whole(1, 3)).div(10);
  const own = memory.ordersOf(botId);
  const about = own.length > 0 && random.chance(0.9) ? random.pick(own).intent.clientOrderId : 'unheard-of';
  const entry = about.includes('entry');
  return {
    botId,
    epoch,
    clientOrderId: about,
    instrument: btc,
    state: random.chance(0.2) ? null : random.pick(orderStates),
    exchangeOrderId: random.chance(0.4) ? null : `at-exchange-${about}`,
    executedQuantity: random.chance(0.4) ? null : d(random.whole(0, 4)).div(10),
    executedQuote: random.chance(0.4) ? null : d(random.whole(0, 8_000)),
    fills: Array.from({ length: random.whole(0, 2) }, () => ({
      tradeId: String(random.whole(1, 60)),
      price: d(20_000 + random.whole(0, 99)),
      quantity,
      commission: quantity.times('0.001'),
      commissionAsset: entry ? 'BTC' : random.pick(['USDT', 'BNB']),
      isMaker: false,
      atMs: 1_700_000_000_000 + random.whole(0, 5),
    })),
    source: random.pick(['ack', 'stream', 'history'] as const),
    proof: random.chance(0.2) ? null : { because: about },
  };
}

/** A step of the comparison with the exchange. */
function drawReconciliation(
  random: Random,
  {
    botId,
    holder,
    epoch,
    role,
    decision,
    attempt,
    clientOrderId,
  }: Pick<LostOrder, 'botId' | 'epoch' | 'role' | 'attempt' | 'clientOrderId'> & {
    readonly holder: string;
    readonly decision: number;
  },
): Step {
  const throughMs = 1_700_000_000_000 + random.whole(0, 9);
  const lost: LostOrder = {
    botId,
    epoch,
    venue: 'simulated',
    account: 'simulated',
    market: 'spot',
    symbol: 'BTCUSDT',
    clientOrderId: random.chance(0.5) ? clientOrderId : `${clientOrderId}-lost`,
    decisionMs: 1_700_000_000_000 + decision * 60_000,
    role,
    attempt,
    side: role === 'entry' ? 'BUY' : 'SELL',
    type: 'MARKET',
    quantity: d(random.whole(1, 3)).div(10),
    reason: 'filled in',
    evidence: { status: 'FILLED' },
  };
  switch (random.whole(0, 6)) {
    case 0:
      return (stores) => stores(holder).reconciliation.compared([{ botId, epoch }], throughMs + 0.5);
    case 1:
      return (stores) => stores(holder).reconciliation.hold([{ botId, epoch, reason: decision === 1 ? null : `held ${decision}` }]);
    case 2:
      return async (stores) =>
        new Map((await stores(holder).reconciliation.starts([...botIds, '77'])).map((start) => [start.botId, start]));
    case 3:
      return (stores) => stores(holder).reconciliation.knownBots(['1', '77']);
    case 4:
      return async (stores) =>
        new Map(
          (await stores(holder).reconciliation.byClientOrderId([clientOrderId, 'unheard-of'])).map((row) => [row.clientOrderId, row]),
        );
    case 5:
      return async (stores) => new Map((await stores(holder).reconciliation.holdings('simulated')).map((one) => [one.symbol, one]));
    default:
      return (stores) => stores(holder).reconciliation.fillIn(lost);
  }
}

describe('rows in memory and in PostgreSQL', () => {
  it.each([1, 2, 3, 4, 5, 6])('answer history %i alike, and end alike', async (seed) => {
    const random = new Random(seed);
    const verdicts = new Map<string, number>();
    for (let step = 1; step <= 250; step += 1) {
      const act = draw(random);
      const [real, simulated] = [plain(await act(overPostgres)), plain(await act(inMemory))];
      expect(simulated, `step ${step}`).toEqual(real);
      for (const answer of Array.isArray(real) ? (real as unknown[]) : []) {
        const verdict = (answer as { verdict?: string } | null)?.verdict;
        if (verdict !== undefined) verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
      }
    }
    const [real, simulated] = [overPostgres(holders[0]), inMemory(holders[0])];
    expect(plain(await simulated.bots.load(botIds))).toEqual(plain(await real.bots.load(botIds)));
    expect(plain(await simulated.bots.wishes())).toEqual(plain(await real.bots.wishes()));
    const executedAt = memory.fills.map((row) => row.fill.atMs).sort((a, b) => a - b);
    for (const beforeMs of [0, ...executedAt, Number.MAX_SAFE_INTEGER / 2])
      expect(await simulated.orders.lastTradeId(place, beforeMs)).toBe(await real.orders.lastTradeId(place, beforeMs));
    const events = await rows.pool.query<{ topic: string; about: string }>(
      "select topic, coalesce(payload->>'clientOrderId', payload->>'dayStartMs') as about from outbox_events",
    );
    expect(memory.outbox.map(({ topic, about }) => `${topic} ${about}`).sort()).toEqual(
      events.rows.map(({ topic, about }) => `${topic} ${about}`).sort(),
    );
    // A history in which nothing was recorded would prove nothing.
    expect(verdicts.get('recorded') ?? 0).toBeGreaterThan(10);
    expect(verdicts.get('fenced') ?? 0).toBeGreaterThan(10);
  });

  it('hand out commands once, oldest first', async () => {
    for (const command of ['pause-entries', 'close-position'] as const) {
      memory.giveCommand('2', command, 'a test', systemClock.now() + 60_000);
      await rows.pool.query(
        "insert into bot_commands (bot_config_id, command, reason, requested_by, created_at) values (2, $1, $2, 'test', now())",
        [command, 'a test'],
      );
    }
    for (const stores of [overPostgres(holders[0]), inMemory(holders[0])]) {
      const commanded = async (): Promise<readonly string[]> =>
        (await stores.bots.wishes()).filter((wish) => wish.commanded).map((wish) => wish.botId);
      expect(await commanded()).toEqual(['2']);
      const pending = await stores.bots.pendingCommands(['2']);
      expect(pending.map(({ botId, command, reason }) => [botId, command, reason])).toEqual([
        ['2', 'pause-entries', 'a test'],
        ['2', 'close-position', 'a test'],
      ]);
      expect(await stores.bots.pendingCommands(['1', '3'])).toEqual([]);
      await stores.bots.finishCommands([{ id: pending[0]?.id ?? '', fate: 'done', outcome: 'sold' }]);
      expect((await stores.bots.pendingCommands(['2'])).map((command) => command.command)).toEqual(['close-position']);
      await stores.bots.finishCommands([{ id: pending[1]?.id ?? '', fate: 'done', outcome: 'sold' }]);
      expect(await commanded()).toEqual([]);
    }
  });

  it('never hand out a command that has expired, and say how long another one has', async () => {
    for (const secondsLeft of [-1, 60]) {
      memory.giveCommand('2', 'close-position', 'a test', systemClock.now() + secondsLeft * 1_000);
      await rows.pool.query(
        `insert into bot_commands (bot_config_id, command, requested_by, created_at, expires_at)
         values (2, 'close-position', 'test', now(), now() + $1::float8 * interval '1 second')`,
        [secondsLeft],
      );
    }
    for (const stores of [overPostgres(holders[0]), inMemory(holders[0])]) {
      const pending = await stores.bots.pendingCommands(['2']);
      expect(pending.map(({ id }) => id)).toEqual(['2']);
      expect(pending[0]?.leftMs).toBeGreaterThan(30_000);
      expect(pending[0]?.leftMs).toBeLessThanOrEqual(61_000);
    }
  });

  it('wish for a bot that is off while it holds something, has an order or is to be closed', async () => {
    await rows.pool.query('update bot_configs set is_active = false');
    for (const id of botIds) memory.changeBot(id, { active: false });
    const wished = (stores: Stores) =>
      stores.bots
        .wishes()
        .then((wishes) => wishes.map(({ botId, wanted, unfinished, commanded }) => [botId, wanted, unfinished, commanded]));
    const both = [overPostgres(holders[0]), inMemory(holders[0])] as const;
    for (const stores of both) expect(await wished(stores)).toEqual([]);
    for (const stores of both) await stores.bots.claim(['1', '2']);
    const positions = { '1': 1_714_953_600_000, '2': null } as const;
    for (const [id, openedAtMs] of Object.entries(positions)) {
      const position = { quantity: '0.1', cost: '1', entryFees: '0', openedAtMs };
      await rows.pool.query('update bot_state set state_data = $2 where bot_config_id = $1', [id, JSON.stringify({ position })]);
      Object.assign(memory.states.get(id) ?? {}, { data: { position } });
    }
    for (const stores of both) await stores.bots.release(['1', '2'].map((botId) => ({ botId, message: 'a test' })));
    memory.giveCommand('3', 'close-position', 'a test', systemClock.now() + 60_000);
    memory.giveCommand('2', 'resume', 'a test', systemClock.now() + 60_000);
    await rows.pool.query(
      `insert into bot_commands (bot_config_id, command, requested_by, created_at) values (3, 'close-position', 'test', now()), (2, 'resume', 'test', now())`,
    );
    for (const stores of both)
      expect(await wished(stores)).toEqual([
        ['1', false, true, false],
        ['3', false, false, true],
      ]);
    await rows.pool.query('update bot_configs set is_active = true');
  });
});
