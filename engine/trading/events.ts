/**
 * The trading core's vocabulary: what it is told (events, past tense), what it asks for (commands,
 * imperative) and what it answers (a decision: next state and commands, or the reason for none).
 */
import type { Decimal } from 'decimal.js';
import type { Signal } from '../strategies/strategy.ts';
import type { Candle, Timeframe } from './candle.ts';
import type { FilterName, OrderSide, OrderType } from './instrument.ts';
import type { Protections } from './protections.ts';
import type { EntryBlock, ExitKind, OrderRole, RestingProtection, SaleBounds, TradingState, WorkingRole } from './state.ts';

export type { DayNotice, EntryBlock, ExitKind, OrderRole, WorkingRole } from './state.ts';

/** Who executes stops and targets: orders that rest at the exchange, or the engine when it sees the price. */
export type StopKeeper = 'exchange' | 'engine';

/** A bot's trading columns, resolved: `custom_*` already applied, percent in percent (2.5 means 2.5 %), null where unset. */
export interface TradingConfig {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  /** Budget in quote. */
  readonly initialCapital: Decimal;
  readonly positionSizePercent: number | null;
  /** Quote; wins over the percentage. */
  readonly positionSizeFixed: Decimal | null;
  readonly stopLossPercent: number | null;
  readonly takeProfitPercent: number | null;
  readonly trailingStopPercent: number | null;
  readonly trailingStopActive: boolean;
  readonly dailyTargetPercent: number | null;
  readonly maxDailyLossPercent: number | null;
  /** Entries per UTC day. */
  readonly maxDailyTrades: number | null;
  readonly protections: Protections;
  /** Least time between two intrabar checks. */
  readonly checkIntervalMs: number;
  readonly direction: 'long' | 'short' | 'both';
  /** The engine watches the stops of symbols that offer no stop orders in any case. */
  readonly stops: StopKeeper;
}

/** One execution of one of the bot's orders, exact. */
export interface Fill {
  /** The exchange's trade id, unique per venue, market and symbol. */
  readonly tradeId: string;
  readonly clientOrderId: string;
  readonly role: OrderRole;
  /** Of its order; null for one that is no exit, and where nobody knows (rows of older versions, orders filled in from the exchange). */
  readonly exitKind: ExitKind | null;
  readonly side: OrderSide;
  readonly price: Decimal;
  readonly quantity: Decimal;
  readonly commission: Decimal;
  readonly commissionAsset: string;
  /** Matters for a commission in a third asset (BNB): quote that it was worth when it was booked, null where that was not known. */
  readonly commissionWorth?: Decimal | null;
  /** What the filters asked of a sale when its order, an entry, was decided; null or absent for others, and where nobody knows. */
  readonly saleBounds?: SaleBounds | null;
  readonly atMs: number;
}

/** How an intent ended. `filled` counts any executed quantity; what was executed is told by fills. */
export type OrderOutcome = 'filled' | 'unfilled' | 'rejected' | 'never-placed';

/** Times `atMs` are the venue's, ms UTC. */
export type TradingEvent =
  | { readonly type: 'candle-closed'; readonly candle: Candle; readonly signal: Signal; readonly atMs: number }
  /** The forming candle changed: stops, target and daily loss are checked, at most once per check interval. */
  | { readonly type: 'price-moved'; readonly candle: Candle; readonly atMs: number }
  /** Stop and target follow the position at the next event that is no fill, because several fills may come one after the other. */
  | { readonly type: 'fill-received'; readonly fill: Fill; readonly atMs: number }
  | {
      readonly type: 'order-ended';
      readonly clientOrderId: string;
      readonly role: WorkingRole;
      readonly outcome: OrderOutcome;
      readonly reason: string;
      /** Free base of the account after the exchange refused an exit for want of it; absent when that was not the reason or is not known. */
      readonly available?: Decimal;
      /** Which rule kept the order from being sent; absent when it was sent, or something else kept it. */
      readonly rule?: OrderRule;
      readonly atMs: number;
    }
  | { readonly type: 'entries-blocked'; readonly block: EntryBlock; readonly atMs: number }
  | { readonly type: 'entries-unblocked'; readonly rule: EntryBlock['rule']; readonly atMs: number }
  /** `kind` is `request` when absent. */
  | { readonly type: 'close-requested'; readonly kind?: ExitKind; readonly reason: string; readonly atMs: number }
  /** What rests at the exchange now. */
  | {
      readonly type: 'protection-changed';
      readonly resting: RestingProtection | null;
      /** False while an operation is under way, or it is not known what became of one of the orders. */
      readonly settled: boolean;
      /** An order that binds no coins is not proven to be over: the exchange denies it, and the horizon has not passed. */
      readonly unresolved: boolean;
      /** Why the exchange does not take a protective order; null when it did not refuse one. */
      readonly refused: string | null;
      readonly atMs: number;
    }
  /** The position has been without its stop, or the price beyond it, for too long. */
  | { readonly type: 'protection-overdue'; readonly atMs: number }
  /** Time has passed, or all fills of an answer are in: something may be due. */
  | { readonly type: 'time-passed'; readonly atMs: number }
  /** The pause after an exit order that sold nothing is over (`exitPauseMs`). */
  | { readonly type: 'exit-retry-due'; readonly atMs: number };

export interface PlaceOrder {
  readonly type: 'place-order';
  readonly role: WorkingRole;
  /** What makes it an exit; null for an entry. */
  readonly exitKind: ExitKind | null;
  readonly side: OrderSide;
  readonly orderType: 'MARKET';
  /** Base, already on the instrument's grid. */
  readonly quantity: Decimal;
  /** Price that the sizing was done with. */
  readonly referencePrice: number;
  /** Price of the stop or target that the engine watches and that was reached: a paper bot is filled there. Null for other orders. */
  readonly triggerPrice: number | null;
  /**
   * What the decision is about, and part of the client order id: the close time of the candle for signals,
   * the event's time for stops, targets and requests. Never decreases within a bot.
   */
  readonly decisionMs: number;
  readonly reason: string;
}

/** What shall rest at the exchange: a stop for what is held, and a target beside it (one cancels the other). */
export interface ProtectionPlan {
  readonly quantity: Decimal;
  readonly stopType: Extract<OrderType, 'STOP_LOSS' | 'STOP_LOSS_LIMIT'>;
  readonly stopPrice: Decimal;
  /** Least price of a stop that becomes a limit order; null for one that becomes a market order. */
  readonly limitPrice: Decimal | null;
  readonly targetPrice: Decimal | null;
}

/** `replace` is for a stop alone, in one request; orders that cancel one another are cancelled and placed anew. */
export interface PutProtection {
  readonly type: 'place-protection' | 'replace-protection';
  readonly plan: ProtectionPlan;
  readonly referencePrice: number;
  readonly decisionMs: number;
  readonly reason: string;
}

export interface CancelProtection {
  readonly type: 'cancel-protection';
  /** What is placed when the coins are free: room for it is reserved before anything is cancelled. Null when nothing follows. */
  readonly follows: 'exit' | 'protect' | null;
  /** Base that the exit will sell, when one follows: what protects is not given up for an order that would not be taken. */
  readonly sells: Decimal | null;
  readonly reason: string;
}

export type TradingCommand = PlaceOrder | PutProtection | CancelProtection;

export interface Decision {
  readonly state: TradingState;
  readonly commands: readonly TradingCommand[];
  /** Why nothing was done (a "no" has a reason), or why the commands are; null when the event asked for no decision. */
  readonly reason: string | null;
  /** The first rule that said no; null when none did. Closed set, for counters. */
  readonly blockedBy: BlockingRule | null;
}

/** Rules over all live bots of one exchange account, in the order in which they are asked. */
export type AccountRule = 'account-loss' | 'account-exposure' | 'account-capital';

/** What keeps a decided order from being sent: a filter of the exchange, its order limits, that its open orders are not known, or a rule over the account's bots. */
export type OrderRule = FilterName | 'order-limit' | 'open-orders-unknown' | AccountRule;

export type BlockingRule =
  | EntryBlock['rule']
  | OrderRule
  | 'daily-loss'
  | 'daily-target'
  | 'max-daily-trades'
  | 'stop-guard'
  | 'low-profit'
  | 'cooldown'
  | 'position-open'
  | 'order-in-flight'
  | 'protection-open'
  | 'direction'
  | 'size-below-minimum'
  | 'capital-exhausted';
