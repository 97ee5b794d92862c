import { recordOne } from '../../../engine/persistence/order-store.ts';
import { Decimal } from 'decimal.js';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type {
  CancelOutcome,
  ExchangeFill,
  ExchangeOrder,
  OcoOutcome,
  OrderLookup,
  OrderRequest,
  PlaceOutcome,
  Refusal,
  ReplaceOutcome,
  SignedWindow,
  TradingAccount,
} from '../../../engine/exchanges/exchange.ts';
import { unlimited } from '../../../engine/exchanges/exchange.ts';
import { fullSafety } from '../../../engine/safety.ts';
import { reachNothing } from '../../../engine/crash-points.ts';
import { evidenceOfHistory } from '../../../engine/orders/evidence.ts';
import { formatClientOrderId } from '../../../engine/orders/client-order-id.ts';
import { OrderDesk } from '../../../engine/orders/order-desk.ts';
import { FeePrices } from '../../../engine/accounts/fee-prices.ts';
import type { BotLink } from '../../../engine/orders/order-line.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { CommitUnknown } from '../../../engine/persistence/commit-intents.ts';
import type { Fill, PlaceOrder } from '../../../engine/trading/events.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import type { RecordedLog } from '../../support/recorded-log.ts';
import { btc } from '../trading/given.ts';
import { MemoryOrderStore } from './order-store.ts';

const buy: PlaceOrder = {
  type: 'place-order',
  role: 'entry',
  exitKind: null,
  side: 'BUY',
  orderType: 'MARKET',
  quantity: new Decimal('0.5'),
  referencePrice: 100,
  triggerPrice: null,
  decisionMs: 1_700_000_059_999,
  reason: 'cross',
};
const instrument = btc;
const refusal = (over: Partial<Refusal>): Refusal => ({ httpStatus: 503, code: -1007, message: 'Timeout', class: 'server', ...over });

/** An exchange that answers as told and remembers what it was sent. */
class ScriptedAccount implements TradingAccount {
  readonly name = 'scripted';
  reserveOrder: TradingAccount['reserveOrder'] = () => unlimited;
  readonly posts: { request: OrderRequest; signed: SignedWindow }[] = [];
  answer: (request: OrderRequest) => Promise<PlaceOutcome> = async (request) => filledAnswer(request);
  lookup: () => Promise<OrderLookup> = async () => ({ kind: 'absent' });
  history: ExchangeOrder[] = [];
  fills: ExchangeFill[] = [];

  async placeOrder(request: OrderRequest, signed: SignedWindow): Promise<PlaceOutcome> {
    this.posts.push({ request, signed });
    return this.answer(request);
  }
  async placeOco(): Promise<OcoOutcome> {
    throw new Error('these tests place no lists');
  }
  async cancelOrder(): Promise<CancelOutcome> {
    throw new Error('these tests cancel nothing');
  }
  async replaceOrder(): Promise<ReplaceOutcome> {
    throw new Error('these tests replace nothing');
  }
  async ordersFrom(): Promise<readonly ExchangeOrder[]> {
    return [];
  }
  order(): Promise<OrderLookup> {
    return this.lookup();
  }
  async openOrders(): Promise<readonly ExchangeOrder[]> {
    return [];
  }
  async ordersSince(): Promise<readonly ExchangeOrder[]> {
    return this.history;
  }
  async fillsOfOrder(): Promise<readonly ExchangeFill[]> {
    return this.fills;
  }
  async fillsSince(): Promise<readonly ExchangeFill[]> {
    return this.fills;
  }
  balances: TradingAccount['balances'] = async () => [];
  listen(): { stop(): Promise<void> } {
    return { stop: async () => undefined };
  }
}

type Asked = Omit<OrderRequest, 'selfTradePrevention'>;

function exchangeOrder(request: Asked, status: ExchangeOrder['status'] = 'FILLED', executed = request.quantity): ExchangeOrder {
  return {
    symbol: 'BTCUSDT',
    orderId: '11',
    clientOrderId: request.clientOrderId,
    side: 'BUY',
    type: 'MARKET',
    status,
    quantity: request.quantity,
    executedQuantity: executed,
    executedQuote: executed.times(100),
    updatedAtMs: 1,
  };
}

function fillOf(request: Asked, tradeId: string, quantity: Decimal): ExchangeFill {
  return {
    symbol: 'BTCUSDT',
    tradeId,
    orderId: '11',
    clientOrderId: request.clientOrderId,
    side: 'BUY',
    price: new Decimal(100),
    quantity,
    commission: quantity.times('0.001'),
    commissionAsset: 'BTC',
    isMaker: false,
    atMs: 1,
  };
}

function filledAnswer(request: OrderRequest): PlaceOutcome {
  return { kind: 'accepted', order: exchangeOrder(request), fills: [fillOf(request, '1', request.quantity)] };
}

describe('the desk', () => {
  let clock: FakeClock;
  let recorded: RecordedLog;
  let store: MemoryOrderStore;
  let account: ScriptedAccount;
  let desk: OrderDesk;
  let feePrices: FeePrices;
  let strays: string[];
  /** Why entries must not leave. */
  let stopped: string | null;
  let told: { fills: Fill[]; ended: string[]; reasons: string[]; available: (string | null)[]; fenced: number; faults: Error[] };

  const link = (): BotLink => ({
    botId: '7',
    userId: '1',
    epoch: 1,
    venue: 'simulated',
    mode: 'live',
    installation: 'ab12',
    account,
    facts: {
      openOrders: () => null,
      held: () => null,
      valued: (fills, of) => feePrices.valued(fills, of),
      search: (symbol) => strays.push(symbol),
    },
    horizonMs: 60_000,
    leaseLeftMs: () => 10_000,
    instrument: () => instrument,
    averagePrice: () => null,
    watchPrices: () => null,
    holds: () => false,
    restsWhenHolding: () => ({ orders: 0, algoOrders: 0, lists: 0 }),
    mayTakeDown: () => true,
    onFills: (fills) => told.fills.push(...fills),
    onOrderEnded: (order) => {
      told.ended.push(order.outcome);
      told.reasons.push(order.reason);
      told.available.push(order.available?.toFixed() ?? null);
    },
    onLate: (reason) => told.reasons.push(reason),
    onProtection: () => undefined,
    onFenced: () => (told.fenced += 1),
    onFault: (error) => told.faults.push(error),
  });

  beforeEach(() => {
    clock = new FakeClock();
    recorded = recordedLog();
    store = new MemoryOrderStore();
    account = new ScriptedAccount();
    strays = [];
    stopped = null;
    told = { fills: [], ended: [], reasons: [], available: [], fenced: 0, faults: [] };
    feePrices = new FeePrices({ priceOf: async () => new Decimal(600), isListed: () => true, clock, log: pino({ level: 'silent' }) });
    desk = new OrderDesk({
      store,
      clock,
      venueClock: { now: () => clock.now(), trusted: true, resync: () => Promise.resolve() },
      log: recorded.log,
      metrics: createMetrics(),
      recvWindowMs: 3_000,
      reach: reachNothing,
      safety: fullSafety,
      entriesStopped: () => stopped,
    });
    desk.attach(link(), []);
  });

  const placed = async (): Promise<void> => {
    desk.place('7', buy, null);
    await clock.advance(1);
  };

  it('does not send what a filter of the exchange would refuse: an entry is over, an exit waits for its next try', async () => {
    desk.place('7', { ...buy, quantity: new Decimal('0.000011') }, null);
    desk.place('7', { ...buy, role: 'exit', side: 'SELL', quantity: new Decimal('100.00001') }, null);
    await clock.advance(1);
    expect([account.posts.length, store.orders.size]).toEqual([0, 0]);
    expect(told.ended).toEqual(['rejected', 'never-placed']);
    expect(told.reasons[0]).toContain('LOT_SIZE');
    expect(told.reasons[1]).toContain('MARKET_LOT_SIZE');
  });

  it('commits the intent before it sends, and sends it once', async () => {
    account.answer = async (request) => {
      expect(store.orders.get(request.clientOrderId)?.state).toBe('intended');
      return filledAnswer(request);
    };
    await placed();
    await clock.advance(120_000);
    expect(account.posts).toHaveLength(1);
    expect(told.ended).toEqual(['filled']);
    expect(told.fills.map((fill) => fill.quantity.toFixed())).toEqual(['0.5']);
    expect(desk.idle('7')).toBe(true);
  });

  it('writes what a commission in the fee coin was worth, and tells the bot the same', async () => {
    feePrices.follow('USDT');
    account.answer = async (request) => ({
      kind: 'accepted',
      order: exchangeOrder(request),
      fills: [{ ...fillOf(request, '1', request.quantity), commission: new Decimal('0.001'), commissionAsset: 'BNB' }],
    });
    await clock.advance(0);
    await placed();
    expect(store.proofs.flatMap(({ fills }) => fills.map(({ commissionWorth }) => commissionWorth?.toFixed()))).toEqual(['0.6']);
    expect(told.fills.map(({ commissionWorth }) => commissionWorth?.toFixed())).toEqual(['0.6']);
  });

  it('has an entry give way to orders of the same account, and an exit never', async () => {
    await placed();
    desk.place('7', { ...buy, role: 'exit', side: 'SELL', decisionMs: buy.decisionMs + 1 }, null);
    await clock.advance(1);
    expect(account.posts.map(({ request }) => request.selfTradePrevention)).toEqual(['EXPIRE_TAKER', 'EXPIRE_MAKER']);
  });

  it('does not send an entry that a kill switch overtook while it was being committed, and sends an exit', async () => {
    desk.place('7', buy, null);
    stopped = 'kill switch';
    await clock.advance(1);
    expect([account.posts.length, told.ended]).toEqual([0, ['never-placed']]);
    desk.place('7', { ...buy, role: 'exit', side: 'SELL' }, null);
    await clock.advance(1);
    expect(account.posts).toHaveLength(1);
  });

  it('has the account compared when the exchange tells of an order with our mark that has no row', async () => {
    const request = {
      symbol: 'BTCUSDT',
      clientOrderId: formatClientOrderId({ installation: 'ab12', botId: '7', decisionMs: 1_700_000_059_999, role: 'entry', attempt: 1 }),
      side: 'BUY',
      type: 'MARKET',
      quantity: new Decimal(1),
    } as const;
    desk.onUserEvent({ type: 'order-updated', order: exchangeOrder(request), fill: null, reason: null, atMs: 1 });
    await clock.advance(1);
    expect(strays).toEqual(['BTCUSDT']);
    expect(told.faults).toEqual([]);
  });

  it('asks for whole milliseconds: a lease ends between them, the column and the wire take no fractions', async () => {
    desk.detach('7').catch(() => undefined);
    await clock.advance(0);
    desk.attach({ ...link(), leaseLeftMs: () => 3_500.4 }, []);
    await placed();
    expect(account.posts.map(({ signed }) => signed.recvWindowMs)).toEqual([1_500]);
  });

  it.each([
    ['free', async () => [{ asset: 'BTC', free: new Decimal('0.3'), locked: new Decimal(1) }], '0.3'],
    ['none', async () => [], '0'],
    ['unreadable', async () => Promise.reject(new Error('away')), null],
    ['silent', () => new Promise<never>(() => undefined), null],
  ] as const)(
    'reads the balance after an exit was refused for want of it, and sends that order no second time: %s',
    async (_, read, seen) => {
      account.answer = async () => ({
        kind: 'rejected',
        refusal: refusal({ httpStatus: 400, code: -2010, class: 'insufficient-balance' }),
      });
      account.balances = read;
      desk.place('7', { ...buy, role: 'exit', side: 'SELL' }, null);
      await clock.advance(120_000);
      expect([account.posts.length, told.ended, told.available]).toEqual([1, ['rejected'], [seen]]);
      expect(desk.idle('7')).toBe(true);
    },
  );

  it('refuses an order for which the exchange leaves no room before its intent, and says why', async () => {
    account.reserveOrder = () => ({ granted: false, retryAfterMs: 10_000, reason: 'the order limit leaves no room for an entry' });
    await placed();
    await clock.advance(120_000);
    expect([account.posts.length, store.orders.size, told.ended]).toEqual([0, 0, ['rejected']]);
    expect(told.reasons).toEqual(['the order limit leaves no room for an entry']);
    expect(desk.idle('7')).toBe(true);
  });

  it.each([
    ['answered', (): void => undefined],
    ['not committed', (): void => void (store.commitFault = { error: new Error('refused'), durable: false })],
    ['of a stale owner', (): void => void (store.epoch = 2)],
  ] as const)('keeps the room of an order until it is over: %s', async (_, prepare) => {
    let taken = 0;
    account.reserveOrder = () => {
      taken += 1;
      return { granted: true, release: () => void (taken -= 1) };
    };
    prepare();
    desk.place('7', buy, null);
    expect(taken).toBe(1);
    await clock.advance(1);
    expect(taken).toBe(0);
  });

  it('signs with the time before the commit and a window that ends before the lease does', async () => {
    const signedAt = clock.now();
    desk.detach('7').catch(() => undefined);
    await clock.advance(0);
    desk.attach({ ...link(), leaseLeftMs: () => 3_500 }, []);
    await placed();
    expect(account.posts[0]?.signed).toEqual({ timestampMs: signedAt, recvWindowMs: 1_500 });
  });

  it('does not send when the database refused the intent', async () => {
    store.commitFault = { error: new Error('connection refused'), durable: false };
    await placed();
    expect(account.posts).toHaveLength(0);
    expect(told.ended).toEqual(['never-placed']);
  });

  it('says once that orders cannot be written, until they can be again, and each time that the outcome is unknown', async () => {
    const place = async (decisionMs: number, error: Error | null): Promise<void> => {
      store.commitFault = error === null ? null : { error, durable: false };
      desk.place('7', { ...buy, decisionMs }, null);
      await clock.advance(10_000);
    };
    const away = new Error('connection refused');
    for (const [index, error] of [away, away, null, away, new CommitUnknown(away)].entries()) await place(buy.decisionMs + index, error);
    const line = 'error: decided orders could not be written to the database; none of them is sent';
    expect(recorded.told().filter((told) => !told.startsWith('info'))).toEqual([line, line, line]);
  });

  it.each([true, false])(
    'does not send when the outcome of the commit is unknown (durable: %s), and ends the order after re-reading',
    async (durable) => {
      store.commitFault = { error: new CommitUnknown(new Error('reset')), durable };
      await placed();
      await clock.advance(10_000);
      expect(account.posts).toHaveLength(0);
      expect(told.ended).toEqual(['never-placed']);
      if (durable) expect([...store.orders.values()].map((order) => order.state)).toEqual(['never-placed']);
    },
  );

  it('stops without sending when another owner raised the epoch', async () => {
    store.epoch = 2;
    await placed();
    expect(account.posts).toHaveLength(0);
    expect(told.fenced).toBe(1);
  });

  it('asks for a rebuild when an unresolved order of the role exists already', async () => {
    account.answer = () => new Promise(() => undefined);
    await placed();
    desk.place('7', { ...buy, decisionMs: buy.decisionMs + 60_000 }, null);
    await clock.advance(1);
    expect(account.posts).toHaveLength(1);
    expect(told.faults).toHaveLength(1);
  });

  it('does not send what waited for the database longer than its receive window', async () => {
    const commit = store.commit.bind(store);
    store.commit = async (intents) => {
      await clock.sleep(3_000);
      return commit(intents);
    };
    await placed();
    await clock.advance(5_000);
    expect(account.posts).toHaveLength(0);
    expect(told.ended).toEqual(['never-placed']);
    expect(store.proofs.at(-1)?.proof).toHaveProperty('notSent');
  });

  it('adopts an order whose answer was lost although it was executed', async () => {
    account.answer = async (request) => {
      account.lookup = async () => ({ kind: 'found', order: exchangeOrder(request) });
      account.fills = [fillOf(request, '1', request.quantity)];
      return { kind: 'unknown', refusal: refusal({}) };
    };
    await placed();
    expect([...store.orders.values()].map((order) => order.state)).toEqual(['unknown']);
    await clock.advance(2_000);
    expect(told.ended).toEqual(['filled']);
    expect(told.fills).toHaveLength(1);
    expect(account.posts).toHaveLength(1);
  });

  it('believes "does not exist" only after the horizon and in two rounds', async () => {
    account.answer = async () => ({ kind: 'unknown', refusal: refusal({}) });
    await placed();
    await clock.advance(59_000);
    expect(told.ended).toEqual([]);
    await clock.advance(25_000);
    expect(told.ended).toEqual(['never-placed']);
    expect(account.posts).toHaveLength(1);
  });

  it('counts the horizon from the signature, however often a new owner begins to look', async () => {
    account.answer = async () => ({ kind: 'unknown', refusal: refusal({}) });
    await placed();
    for (let taken = 0; taken < 3; taken += 1) {
      await clock.advance(20_000);
      await desk.detach('7');
      desk.attach(link(), [...store.orders.values()]);
    }
    await clock.advance(3_000);
    expect(told.ended).toEqual([]);
    await clock.advance(20_000);
    expect(told.ended).toEqual(['never-placed']);
  });

  it('finds in the order history what the order query denies', async () => {
    account.answer = async (request) => {
      account.history = [exchangeOrder(request)];
      account.fills = [fillOf(request, '1', request.quantity)];
      return { kind: 'unknown', refusal: refusal({}) };
    };
    await placed();
    await clock.advance(90_000);
    expect(told.ended).toEqual(['filled']);
  });

  it('decides nothing while the exchange cannot be read', async () => {
    account.answer = async () => ({ kind: 'unknown', refusal: refusal({}) });
    account.lookup = () => Promise.reject(new Error('unreachable'));
    await placed();
    await clock.advance(600_000);
    expect(told.ended).toEqual([]);
    expect(desk.idle('7')).toBe(false);
  });

  it('books a fill once, whether the stream or the answer tells it first', async () => {
    account.answer = async (request) => {
      desk.onUserEvent({
        type: 'order-updated',
        order: exchangeOrder(request),
        fill: fillOf(request, '1', request.quantity),
        reason: null,
        atMs: 1,
      });
      await clock.advance(0);
      return filledAnswer(request);
    };
    await placed();
    await clock.advance(1_000);
    expect(told.fills).toHaveLength(1);
    expect(told.ended).toEqual(['filled']);
  });

  it('keeps an order open until every executed coin has its fill, and fetches what nobody told', async () => {
    account.answer = async (request) => {
      account.lookup = async () => ({ kind: 'found', order: exchangeOrder(request) });
      account.fills = [fillOf(request, '1', new Decimal('0.2')), fillOf(request, '2', new Decimal('0.3'))];
      return { kind: 'accepted', order: exchangeOrder(request), fills: [fillOf(request, '1', new Decimal('0.2'))] };
    };
    await placed();
    expect(told.ended).toEqual([]);
    await clock.advance(2_000);
    expect(told.ended).toEqual(['filled']);
    expect(told.fills.map((fill) => fill.tradeId)).toEqual(['1', '2']);
  });

  it('leaves orders of other installations and of people alone', async () => {
    const foreign = { ...exchangeOrder({ ...buy, symbol: 'BTCUSDT', clientOrderId: 'ekzz99-7-abce-1', type: 'MARKET' }) };
    desk.onUserEvent({ type: 'order-updated', order: foreign, fill: null, reason: null, atMs: 1 });
    desk.onUserEvent({ type: 'order-updated', order: { ...foreign, clientOrderId: 'web_1' }, fill: null, reason: null, atMs: 1 });
    await clock.advance(0);
    expect(store.proofs).toHaveLength(0);
  });

  it('tells a rejected order as rejected, with the exchange text', async () => {
    account.answer = async () => ({
      kind: 'rejected',
      refusal: refusal({
        httpStatus: 400,
        code: -2010,
        message: 'Account has insufficient balance for requested action.',
        class: 'insufficient-balance',
      }),
    });
    await placed();
    expect(told.ended).toEqual(['rejected']);
    expect(JSON.stringify(store.proofs.at(-1)?.proof)).toContain('insufficient balance');
  });

  it('writes what happened however often the database fails meanwhile', async () => {
    store.recordFault = new Error('deadlock detected');
    await placed();
    expect(told.fills).toHaveLength(0);
    await clock.advance(50);
    store.recordFault = new Error('deadlock detected');
    await clock.advance(1_000);
    expect(told.fills).toHaveLength(1);
    expect(recorded.told()).toEqual([
      'error: what happened to an order could not be written; it is tried on',
      'info: bought 0.5 BTC at 100 for 50.00 USDT',
    ]);
  });

  it('tells the bot of a fill although the write that booked it was never answered', async () => {
    store.answerLost = new Error('Connection terminated unexpectedly');
    await placed();
    await clock.advance(1_000);
    expect(told.fills.map((fill) => [fill.tradeId, fill.role, fill.quantity.toFixed()])).toEqual([['1', 'entry', buy.quantity.toFixed()]]);
    expect(told.ended).toEqual(['filled']);
    expect(told.faults).toEqual([]);
  });

  it.each([null, new Error('Connection terminated unexpectedly')])(
    'keeps the kind of an exit on its intent and its fills (%s)',
    async (lost) => {
      store.answerLost = lost;
      desk.place('7', { ...buy, role: 'exit', side: 'SELL', exitKind: 'stop' }, null);
      await clock.advance(1_001);
      expect([...store.orders.values()].map(({ exitKind }) => exitKind)).toEqual(['stop']);
      expect(told.fills.map(({ exitKind }) => exitKind)).toEqual(['stop']);
    },
  );

  it('tells a fill once although the stream told it first and the write behind the answer was never answered', async () => {
    let answer: (outcome: PlaceOutcome) => void = () => undefined;
    account.answer = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    await placed();
    const [post] = account.posts;
    if (post === undefined) throw new Error('no order');
    desk.onUserEvent({
      type: 'order-updated',
      order: exchangeOrder(post.request),
      fill: fillOf(post.request, '1', post.request.quantity),
      reason: null,
      atMs: 1,
    });
    await clock.advance(0);
    expect(told.fills).toHaveLength(1);
    store.recordFault = new Error('Connection terminated unexpectedly');
    answer(filledAnswer(post.request));
    await clock.advance(1_000);
    expect(told.fills).toHaveLength(1);
    expect(told.ended).toEqual(['filled']);
    expect(told.faults).toEqual([]);
  });

  it('ends with the execution that it lacked, when its end was told before that and reads do not show it', async () => {
    account.answer = () => new Promise(() => undefined);
    await placed();
    const [post] = account.posts;
    if (post === undefined) throw new Error('no order');
    const { request } = post;
    const part = new Decimal('0.2');
    const event = (status: ExchangeOrder['status'], fill: ExchangeFill | null): void =>
      desk.onUserEvent({ type: 'order-updated', order: exchangeOrder(request, status, part), fill, reason: null, atMs: 1 });
    event('EXPIRED', null);
    await clock.advance(0);
    expect(told.ended).toEqual([]);
    event('PARTIALLY_FILLED', fillOf(request, '1', part));
    await clock.advance(0);
    expect([told.fills.length, told.ended]).toEqual([1, ['filled']]);
    expect([...store.orders.values()].map(({ state }) => state)).toEqual(['expired']);
  });

  it('tells the log of an order once, when it is over, however many executions it took and whoever told them', async () => {
    const answer = Promise.withResolvers<PlaceOutcome>();
    account.answer = () => answer.promise;
    await placed();
    const [post] = account.posts;
    if (post === undefined) throw new Error('no order');
    const { request } = post;
    const part = new Decimal('0.2');
    const event = (order: ExchangeOrder, fill: ExchangeFill): void =>
      desk.onUserEvent({ type: 'order-updated', order, fill, reason: null, atMs: 1 });
    event(exchangeOrder(request, 'PARTIALLY_FILLED', part), fillOf(request, '1', part));
    await clock.advance(0);
    expect(recorded.told()).toEqual([]);
    event(exchangeOrder(request), fillOf(request, '2', request.quantity.minus(part)));
    answer.resolve({
      kind: 'accepted',
      order: exchangeOrder(request),
      fills: [fillOf(request, '1', part), fillOf(request, '2', request.quantity.minus(part))],
    });
    await clock.advance(1_000);
    expect([told.ended, recorded.told()]).toEqual([['filled'], ['info: bought 0.5 BTC at 100 for 50.00 USDT']]);
  });

  it('lets the late answer of an earlier life leave the bot of a later one alone', async () => {
    let answer: (outcome: PlaceOutcome) => void = () => undefined;
    account.answer = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    await placed();
    await desk.detach('7');
    store.epoch = 2;
    desk.attach({ ...link(), epoch: 2 }, []);
    answer({ kind: 'unknown', refusal: refusal({ httpStatus: 504, code: -1007, class: 'server' }) });
    await clock.advance(0);
    expect(desk.botIds()).toEqual(['7']);
    expect(told.fenced).toBe(0);
  });

  it.each([false, true])(
    'takes up orders that an earlier owner left open, without sending anything (booked meanwhile: %s)',
    async (booked) => {
      desk.place('7', buy, null);
      account.answer = () => new Promise(() => undefined);
      await clock.advance(1);
      const [left] = [...store.orders.values()];
      if (left === undefined) throw new Error('no order');
      const next = new OrderDesk({
        store,
        clock,
        venueClock: { now: () => clock.now(), trusted: true, resync: () => Promise.resolve() },
        log: pino({ level: 'silent' }),
        metrics: createMetrics(),
        recvWindowMs: 3_000,
        reach: reachNothing,
        safety: fullSafety,
        entriesStopped: () => null,
      });
      account.lookup = async () => ({
        kind: 'found',
        order: exchangeOrder({ ...buy, symbol: 'BTCUSDT', type: 'MARKET', clientOrderId: left.clientOrderId }),
      });
      account.fills = [fillOf({ ...buy, symbol: 'BTCUSDT', type: 'MARKET', clientOrderId: left.clientOrderId }, '1', buy.quantity)];
      next.attach(link(), [left]);
      // Somebody else, the comparison with the exchange, was faster: the bot must hear of it all the same.
      if (booked)
        await recordOne(store, {
          ...evidenceOfHistory(account.fills),
          botId: '7',
          epoch: 1,
          clientOrderId: left.clientOrderId,
          instrument: link().instrument(),
        });
      await clock.advance(0);
      expect(told.ended).toEqual(['filled']);
      expect(told.fills).toHaveLength(1);
      expect(account.posts).toHaveLength(1);
    },
  );

  it('numbers the next attempt of a decision after those on record', async () => {
    account.answer = async () => ({ kind: 'rejected', refusal: refusal({ httpStatus: 400, code: -2010, class: 'insufficient-balance' }) });
    await placed();
    await placed();
    expect(account.posts.map((post) => post.request.clientOrderId.split('-').at(-1))).toEqual(['1', '2']);
  });
});
