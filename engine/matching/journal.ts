/** Collects the events of one action in order. Execution ids come from one counter per engine, so no two events share one. */
import type { Account } from './accounts.ts';
import { snapshotBalance } from './balances.ts';
import type { BookEvent, BookOrder, BookRefusal, BookTrade } from './matching.ts';
import { type Order, type OrderList, snapshotList, snapshotOrder } from './order.ts';

export interface Journal {
  readonly order: (
    order: Order,
    execution: 'NEW' | 'TRADE' | 'CANCELED' | 'EXPIRED' | 'TRADE_PREVENTION',
    trade: BookTrade | null,
    atMs: number,
  ) => void;
  readonly rejected: (order: BookOrder, refusal: BookRefusal, atMs: number) => void;
  readonly list: (list: OrderList, atMs: number) => void;
  /** Adds an event with the account's assets that were touched since the last time; none when no asset was. */
  readonly balances: (account: Account, atMs: number) => void;
  /** The events so far; the journal starts anew. */
  readonly take: () => readonly BookEvent[];
}

type OrderEvent = Extract<BookEvent, { readonly type: 'order' }>;

const nothing: readonly BookEvent[] = Object.freeze([]);

export function createJournal(): Journal {
  let events: BookEvent[] = [];
  let nextExecutionId = 1n;
  const push = (
    execution: OrderEvent['execution'],
    order: BookOrder,
    trade: BookTrade | null,
    refusal: BookRefusal | null,
    atMs: number,
  ): void => {
    events.push({ type: 'order', execution, order, trade, refusal, executionId: nextExecutionId, atMs });
    nextExecutionId += 1n;
  };
  return {
    order(order, execution, trade, atMs) {
      push(execution, snapshotOrder(order), trade, null, atMs);
    },
    rejected(order, refusal, atMs) {
      push('REJECTED', order, null, refusal, atMs);
    },
    list(list, atMs) {
      events.push({ type: 'list', list: snapshotList(list), atMs });
    },
    balances(account, atMs) {
      const { touched } = account.wallet;
      if (touched.size === 0) return;
      const balances = Array.from(touched, (asset) => snapshotBalance(account.wallet, asset));
      touched.clear();
      events.push({ type: 'balances', account: account.name, balances, atMs });
    },
    take() {
      if (events.length === 0) return nothing;
      const taken = events;
      events = [];
      return taken;
    },
  };
}
