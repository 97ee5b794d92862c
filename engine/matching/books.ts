/** What the books are made of: accounts with their orders per symbol, orders, order lists. Mutable; snapshots are what leaves the room. */
import type { Decimal } from 'decimal.js';
import type { OrderSide, OrderType, SelfTradePrevention, TimeInForce } from '../trading/instrument.ts';
import type { Reserve, Wallet } from './balances.ts';
import type { BookStatus, BookTrade, FeeSchedule } from './matching.ts';

export interface Account {
  readonly name: string;
  fees: FeeSchedule;
  readonly wallet: Wallet;
  readonly bySymbol: Map<string, AccountBook>;
  readonly lists: Map<bigint, OrderList>;
  readonly openListIds: Set<string>;
}

/** One account's orders on one symbol. Client order ids are unique among the open ones only, as on the venue. */
export interface AccountBook {
  readonly open: Map<bigint, Order>;
  readonly openByClientId: Map<string, Order>;
  readonly finished: Map<bigint, Order>;
  readonly lastByClientId: Map<string, Order>;
  trades: BookTrade[];
}

export interface Order {
  readonly account: Account;
  readonly symbol: string;
  readonly orderId: bigint;
  readonly list: OrderList | null;
  readonly clientOrderId: string;
  cancelClientOrderId: string | null;
  readonly side: OrderSide;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly quantity: Decimal;
  readonly quoteQuantity: Decimal;
  readonly price: Decimal;
  readonly stopPrice: Decimal | null;
  readonly trailingDelta: number | null;
  status: BookStatus;
  executedQuantity: Decimal;
  executedQuote: Decimal;
  working: boolean;
  expiryReason: string | null;
  readonly selfTradePrevention: SelfTradePrevention;
  preventedQuantity: Decimal;
  readonly createdAtMs: number;
  updatedAtMs: number;
  workingAtMs: number;
  /** Shared by the two legs of a list, because only one of them can ever execute. */
  readonly reserve: Reserve;
  /** Quote per base that a BUY keeps locked. */
  readonly lockPrice: Decimal;
  /** Best price for the placer since a trailing stop began to follow; null before that. */
  extreme: Decimal | null;
}

export interface OrderList {
  readonly account: Account;
  readonly orderListId: bigint;
  readonly listClientOrderId: string;
  readonly symbol: string;
  readonly legs: Order[];
  done: boolean;
  readonly createdAtMs: number;
}
