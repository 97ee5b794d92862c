/** An account as a whole: what its stream, its history and its comparison tell reaches orders, capital and bots, without a database. */
import { Decimal } from 'decimal.js';
import { pino } from 'pino';
import { beforeEach, expect, it } from 'vitest';
import { Account } from '../../../engine/accounts/account.ts';
import type { AccountBot } from '../../../engine/accounts/account.ts';
import { reachNothing } from '../../../engine/crash-points.ts';
import type { ExchangeFill, ExchangeOrder, TradingAccount, UserEvent, UserEventListener } from '../../../engine/exchanges/exchange.ts';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import type { OrderDesk } from '../../../engine/orders/order-desk.ts';
import type { CapitalStore } from '../../../engine/persistence/capital-store.ts';
import type { OrderStore } from '../../../engine/persistence/order-store.ts';
import type { ReconcileStore } from '../../../engine/persistence/reconcile-store.ts';
import { fullSafety } from '../../../engine/safety.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { btc, d } from '../trading/given.ts';

let clock: FakeClock;
let asked: string[];
let heard: UserEvent[];
let history: ExchangeFill[];
let open: ExchangeOrder[];
let refusal: string | null;
let stream: UserEventListener | null;
let account: Account;

const stranger: ExchangeFill = {
  ...{ symbol: 'BTCUSDT', tradeId: '5', orderId: '9', clientOrderId: null, side: 'BUY', price: d(100), quantity: d(1) },
  ...{ commission: d(0), commissionAsset: 'USDT', isMaker: false, atMs: 1 },
};
const resting: ExchangeOrder = {
  ...{ symbol: 'BTCUSDT', orderId: '7', clientOrderId: 'web', side: 'SELL', type: 'STOP_LOSS', status: 'NEW' },
  ...{ quantity: d(1), executedQuantity: d(0), executedQuote: d(0), updatedAtMs: 1 },
};
const bot: AccountBot = {
  ...{ botId: '1', epoch: 1, symbol: 'BTCUSDT', exposed: true, instrument: () => btc },
  ...{ block: () => undefined, unblock: () => undefined, rebuild: () => undefined, publishResult: () => undefined },
};

beforeEach(() => {
  clock = new FakeClock();
  [asked, heard, history, open] = [[], [], [], []];
  [refusal, stream] = [null, null];
  const trading: Partial<TradingAccount> = {
    name: 'scripted',
    listen(listener) {
      stream = listener;
      return { stop: async () => undefined };
    },
    async openOrders(symbol) {
      asked.push(`open orders ${symbol ?? 'of all'}`);
      return open;
    },
    async balances() {
      asked.push('balances');
      return [{ asset: 'BTC', free: d(2), locked: d(1) }];
    },
    async fillsSince() {
      asked.push('trades');
      return history;
    },
    async ordersSince() {
      asked.push('order history');
      return [];
    },
  };
  const rows: Partial<ReconcileStore> = {
    starts: async (botIds) => botIds.map((botId) => ({ botId, throughMs: clock.now(), createdAtMs: 0, oldestNeverPlacedMs: null })),
    byClientOrderId: async () => [],
    knownBots: async () => new Map(),
    compared: async () => undefined,
    holdings: async () => [],
  };
  const orders: Partial<OrderStore> = { lastTradeId: async () => '1', byExchangeId: async () => [] };
  const capital: Partial<CapitalStore> = {
    begin: async () => ({ known: new Map(), over: [], lossCapped: [] }) as unknown as Awaited<ReturnType<CapitalStore['begin']>>,
    write: async () => new Set(),
  };
  const desk: Partial<OrderDesk> = { onUserEvent: (event) => void heard.push(event), recordHistory: () => undefined };
  account = new Account({
    ...{ trading: trading as TradingAccount, venue: 'simulated', installation: 'ab12', bots: [bot], desk: desk as OrderDesk },
    ...{ orders: orders as OrderStore, rows: rows as ReconcileStore, capital: capital as CapitalStore, feePrices: null },
    clock,
    venueClock: { now: () => clock.now(), trusted: true, resync: async () => undefined },
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
    reach: reachNothing,
    safety: fullSafety,
    auditIntervalMs: 30_000,
    instrument: () => btc,
    keyRefusal: () => refusal,
  });
});

it('subscribes first, and knows its open orders and balances when it has started', async () => {
  open = [resting];
  await account.start();
  expect([account.streaming, account.facts.openOrders('BTCUSDT')?.length, account.facts.held('BTC')?.toFixed()]).toEqual([false, 1, '3']);
  stream?.onSubscribed();
  expect(account.streaming).toBe(true);
  stream?.onLost('cut');
  expect(account.streaming).toBe(false);
});

it('hands every event of its stream to the orders, and keeps open orders and balances by them', async () => {
  await account.start();
  const placed: UserEvent = { type: 'order-updated', order: resting, fill: null, reason: null, atMs: 1 };
  const changed: UserEvent = { type: 'balances-changed', balances: [{ asset: 'BTC', free: d(5), locked: d(0) }], atMs: 1 };
  stream?.onEvent(placed);
  stream?.onEvent(changed);
  expect(heard).toEqual([placed, changed]);
  expect([account.facts.openOrders('BTCUSDT')?.length, account.facts.held('BTC')?.toFixed()]).toEqual([1, '5']);
});

it('reads history when the stream is back, and searches the orders of a symbol with trades of nobody', async () => {
  await account.start();
  history = [stranger];
  asked = [];
  stream?.onSubscribed();
  await clock.advance(10);
  expect(asked).toContain('trades');
  expect(asked).toContain('order history');
});

it('compares before its bots may enter, and keeps entries closed while the key is refused', async () => {
  await account.start();
  asked = [];
  refusal = 'the key may not trade';
  const preparing = account.prepare([{ botId: '1', epoch: 1, symbol: 'BTCUSDT', instrument: () => btc }], ['1']);
  await clock.advance(10_000);
  const { blocks } = await preparing;
  expect(asked).toContain('order history');
  expect(blocks.get('1')).toEqual([{ rule: 'key-unverified', reason: 'the key may not trade' }]);
});

it('values commissions as nobody told them where the fee coin has no price', () => {
  const fill = { tradeId: '1', price: d(1), quantity: d(1), commission: new Decimal(1), commissionAsset: 'BNB', isMaker: false, atMs: 1 };
  expect(account.facts.valued([fill], btc)).toEqual([fill]);
});
