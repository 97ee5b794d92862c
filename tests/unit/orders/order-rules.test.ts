/** What the exchange's filters leave room for: bots that share an account with one another, with other engines and with people. */
import { Decimal } from 'decimal.js';
import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ExchangeOrder, TradingAccount, UserEvent } from '../../../engine/exchanges/exchange.ts';
import { OpenOrders } from '../../../engine/accounts/open-orders.ts';
import { OrderLines } from '../../../engine/orders/order-lines.ts';
import { OrderLine } from '../../../engine/orders/order-line.ts';
import type { BotLink } from '../../../engine/orders/order-line.ts';
import { openedAt } from '../../../engine/orders/new-orders.ts';
import { brokenBy, entryHasNoRoom, hasRoomToReplace } from '../../../engine/orders/order-rules.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import type { RestingOrders } from '../../../engine/trading/protect.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { btc, d } from '../trading/given.ts';

const stopOnly: RestingOrders = { orders: 1, algoOrders: 1, lists: 0 };
const pair: RestingOrders = { orders: 2, algoOrders: 1, lists: 1 };
const nothing: RestingOrders = { orders: 0, algoOrders: 0, lists: 0 };

let clock: FakeClock;
let told: ExchangeOrder[];
let balance: string;
let failing: boolean;
let reads: number;
let account: TradingAccount;
let openOrders: OpenOrders;
let instrument: Instrument;

beforeEach(async () => {
  clock = new FakeClock();
  told = [];
  balance = '0';
  failing = false;
  reads = 0;
  instrument = btc;
  account = {
    name: 'shared',
    openOrders: async () => {
      reads += 1;
      if (failing) throw new Error('the exchange is away');
      await clock.sleep(10);
      return told;
    },
    balances: async () => [{ asset: 'BTC', free: new Decimal(balance), locked: d(0) }],
  } as unknown as TradingAccount;
  openOrders = new OpenOrders({ account, clock, log: pino({ level: 'silent' }) });
});

const started = async (): Promise<void> => {
  const starting = openOrders.start();
  await clock.advance(2_000);
  await starting;
};

function order(over: Partial<ExchangeOrder> = {}): ExchangeOrder {
  return {
    symbol: 'BTCUSDT',
    orderId: '1',
    clientOrderId: 'web_1',
    side: 'SELL',
    type: 'STOP_LOSS',
    status: 'NEW',
    quantity: d(1),
    executedQuantity: d(0),
    executedQuote: d(0),
    updatedAtMs: 1,
    ...over,
  };
}

const foreign = (count: number, over: Partial<ExchangeOrder> = {}): ExchangeOrder[] =>
  Array.from({ length: count }, (_, index) => order({ orderId: `f${index}`, clientOrderId: `web_${index}`, ...over }));

interface Holding {
  readonly holds?: boolean;
  readonly rests?: RestingOrders;
  readonly symbol?: string;
}

function beside(self: OrderLine, others: readonly OrderLine[]): Iterable<OrderLine> {
  const lines = new OrderLines();
  for (const one of [self, ...others]) lines.add(one);
  return lines.besides(self);
}

let bots = 0;
function line({ holds = false, rests = stopOnly, symbol = 'BTCUSDT' }: Holding = {}): OrderLine {
  bots += 1;
  const link = {
    botId: String(bots),
    mode: 'live',
    account,
    facts: { openOrders: (of: string) => openOrders.of(of), held: (asset: string) => openOrders.held(asset) },
    instrument: () => ({ ...instrument, symbol }),
    averagePrice: () => ({ low: d(99), high: d(101) }),
    holds: () => holds,
    restsWhenHolding: () => rests,
  } as unknown as BotLink;
  return new OrderLine(link, []);
}

function follow(to: OrderLine, role: 'entry' | 'stop', clientOrderId: string, quantity = d(1)): void {
  const known = {
    clientOrderId,
    symbol: 'BTCUSDT',
    role,
    decisionMs: 1,
    signedTimestampMs: 1,
    quantity,
    price: null,
    stopPrice: d(90),
    slot: 0,
  };
  const live = openedAt(0, known, 3_000);
  live.resting = role === 'stop';
  to.follow(live, []);
}

const holding = (count: number, rests = stopOnly): OrderLine[] => Array.from({ length: count }, () => line({ holds: true, rests }));
const verdict = (self: OrderLine, others: readonly OrderLine[], quantity = d(1)) =>
  entryHasNoRoom(self, { quantity }, beside(self, others));

describe('the sixth stop on one account and symbol', () => {
  it('is foreseen before its bot enters, whether the five rest or will', async () => {
    await started();
    expect(verdict(line(), holding(4))).toBeNull();
    expect(verdict(line(), holding(5))).toMatchObject({
      rule: 'MAX_NUM_ALGO_ORDERS',
      reason: expect.stringMatching(/lets 5 rest on BTCUSDT per account, and 5 of bots that run here and 0 of others/) as string,
    });
    const entering = line();
    follow(entering, 'entry', 'ek-e');
    expect(verdict(line(), [...holding(4), entering])).toMatchObject({ rule: 'MAX_NUM_ALGO_ORDERS' });
    const leaving = line();
    follow(leaving, 'stop', 'ek-s');
    expect(verdict(line(), [...holding(4), leaving])).toMatchObject({ rule: 'MAX_NUM_ALGO_ORDERS' });
  });

  it('counts the stops of other engines and of people, and ours only once', async () => {
    const resting = line({ holds: true });
    follow(resting, 'stop', 'ek-own');
    told = [...foreign(3), order({ orderId: 'own', clientOrderId: 'ek-own' })];
    await started();
    expect(verdict(line(), [resting])).toBeNull();
    expect(verdict(line(), [resting, ...holding(1)])).toMatchObject({
      reason: expect.stringContaining('2 of bots that run here and 3 of others') as string,
    });
  });

  it('does not count other symbols, other accounts, limits, nor bots whose stops the engine keeps', async () => {
    told = [...foreign(5, { symbol: 'ETHUSDT' }), ...foreign(5, { type: 'LIMIT' }).map((one) => ({ ...one, orderId: `l${one.orderId}` }))];
    await started();
    const elsewhere = line({ holds: true, symbol: 'ETHUSDT' });
    expect(verdict(line(), [...holding(4), elsewhere, line({ holds: true, rests: nothing })])).toBeNull();
    expect(verdict(line({ rests: nothing }), holding(5))).toBeNull();
  });

  it('counts all orders and all pairs against their own limits', async () => {
    instrument = { ...btc, maxOrders: 6, maxAlgoOrders: null, maxOrderLists: 2 };
    told = foreign(3, { type: 'LIMIT' });
    await started();
    expect(verdict(line(), holding(2))).toBeNull();
    expect(verdict(line({ rests: pair }), holding(2))).toMatchObject({ rule: 'MAX_NUM_ORDERS' });
    told = [];
    const read = openOrders.refresh();
    await clock.advance(20);
    await read;
    expect(verdict(line({ rests: pair }), holding(1, pair))).toBeNull();
    expect(verdict(line({ rests: pair }), holding(2, pair))).toMatchObject({ rule: 'MAX_NUM_ORDER_LISTS' });
  });

  it('refuses while nothing is known, and says so', async () => {
    failing = true;
    await started();
    expect(verdict(line(), [])).toMatchObject({ rule: 'open-orders-unknown' });
    expect(verdict(line({ rests: nothing }), [])).toBeNull();
    failing = false;
    await clock.advance(6_000);
    expect(verdict(line(), [])).toBeNull();
    failing = true;
    await clock.advance(1_000_000);
    expect(verdict(line(), [])).toMatchObject({ rule: 'open-orders-unknown' });
  });

  it('follows what the user stream tells, also while it is being read', async () => {
    await started();
    const event = (one: ExchangeOrder): UserEvent => ({ type: 'order-updated', order: one, fill: null, reason: null, atMs: 1 });
    for (const one of foreign(5)) openOrders.onEvent(event(one));
    expect(verdict(line(), [])).toMatchObject({ rule: 'MAX_NUM_ALGO_ORDERS' });
    // It never was open: the id in its report is another order's.
    openOrders.onEvent(event(order({ orderId: 'f0', status: 'REJECTED' })));
    expect(verdict(line(), [])).toMatchObject({ rule: 'MAX_NUM_ALGO_ORDERS' });
    openOrders.onEvent(event(order({ orderId: 'f0', status: 'CANCELED' })));
    expect(verdict(line(), [])).toBeNull();
    // The reading began before the event: it shows the order as open still.
    told = foreign(5);
    const read = openOrders.refresh();
    openOrders.onEvent(event(order({ orderId: 'f1', status: 'FILLED' })));
    await clock.advance(20);
    await read;
    expect(verdict(line(), [])).toBeNull();
  });

  it('shares one reading among all who ask for it', async () => {
    await started();
    const before = reads;
    const all = Promise.all([openOrders.refresh(), openOrders.refresh()]);
    await clock.advance(20);
    await all;
    expect(reads).toBe(before + 1);
  });
});

describe('a stop that is replaced', () => {
  it('needs a place beside the one that it replaces', async () => {
    const self = line({ holds: true });
    follow(self, 'stop', 'ek-1');
    told = foreign(3);
    await started();
    expect(hasRoomToReplace(self, [self])).toBe(true);
    openOrders.onEvent({ type: 'order-updated', order: order({ orderId: 'f9' }), fill: null, reason: null, atMs: 1 });
    expect(hasRoomToReplace(self, [self])).toBe(false);
    Object.assign(self.link, { facts: null });
    expect(hasRoomToReplace(self, [self])).toBe(true);
  });
});

describe('MAX_POSITION', () => {
  it('counts what the account has, what it is buying and what our bots are about to buy', async () => {
    instrument = { ...btc, maxPosition: d(10) };
    balance = '4';
    told = [order({ type: 'LIMIT', side: 'BUY', quantity: d(3), executedQuantity: d(1) })];
    await started();
    const entering = line();
    follow(entering, 'entry', 'ek-e', d(3));
    expect(verdict(line(), [entering], d(1))).toBeNull();
    expect(verdict(line(), [entering], d('1.001'))).toMatchObject({
      rule: 'MAX_POSITION',
      reason: expect.stringContaining('has or is buying 9 BTC') as string,
    });
    openOrders.onEvent({ type: 'balances-changed', balances: [{ asset: 'BTC', free: d(5), locked: d(1) }], atMs: 1 });
    expect(verdict(line(), [], d('2.5'))).toMatchObject({ rule: 'MAX_POSITION' });
  });
});

describe('an order that would break a filter', () => {
  it('is named with its filter before it is sent, judged by the worst average that is possible', () => {
    const market = (quantity: string) =>
      brokenBy(line(), { side: 'SELL', type: 'MARKET', quantity: d(quantity), price: null, stopPrice: null });
    expect(market('0.0506')).toBeNull();
    expect(market('0.0503')).toMatchObject({ rule: 'NOTIONAL', reason: expect.stringContaining('SELL of 0.0503 BTC') as string });
    expect(market('101')).toMatchObject({ rule: 'MARKET_LOT_SIZE' });
    expect(brokenBy(line(), { side: 'SELL', type: 'STOP_LOSS', quantity: d(1), price: null, stopPrice: d('90.001') })).toMatchObject({
      rule: 'PRICE_FILTER',
    });
  });
});

it('an order that a filter refuses is told with its prices, also tiny ones, without exponents', () => {
  instrument = {
    ...btc,
    price: { min: d('0.00000001'), max: d(1), tick: d('0.00000001') },
    percentPrice: { bidUp: d(5), bidDown: d('0.2'), askUp: d(5), askDown: d('0.2'), averagePriceMinutes: 5 },
  };
  const one = line();
  Object.assign(one.link, { averagePrice: () => ({ low: d('0.000000451234567'), high: d('0.00000046') }) });
  const broken = brokenBy(one, { side: 'SELL', type: 'LIMIT', quantity: d(1), price: d('0.00000009'), stopPrice: null });
  expect(broken?.reason).toBe(
    "LIMIT SELL of 1 BTC at 0.00000009 would break the exchange's filter PERCENT_PRICE_BY_SIDE, average price between 0.000000451234567 and 0.00000046",
  );
});
