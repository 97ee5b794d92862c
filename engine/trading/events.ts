/**
 * The trading core's vocabulary: what it is told (events, past tense), what it asks for (commands,
 * imperative) and what it answers (a decision: next state and commands, or the reason for none).
 */
import type { Decimal } from 'decimal.js';
import type { Signal } from '../strategies/strategy.ts';
import type { Candle, Timeframe } from './candle.ts';
import type { OrderSide } from './instrument.ts';
import type { EntryBlock, OrderRole, TradingState } from './state.ts';

export type { EntryBlock, OrderRole } from './state.ts';

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
  /** Least time between two intrabar checks. */
  readonly checkIntervalMs: number;
  readonly direction: 'long' | 'short' | 'both';
}

/** One execution of one of the bot's orders, exact. */
export interface Fill {
  /** The exchange's trade id, unique per venue, market and symbol. */
  readonly tradeId: string;
  readonly clientOrderId: string;
  readonly role: OrderRole;
  readonly side: OrderSide;
  readonly price: Decimal;
  readonly quantity: Decimal;
  readonly commission: Decimal;
  readonly commissionAsset: string;
  readonly atMs: number;
}

/** How an intent ended. `filled` counts any executed quantity; what was executed is told by fills. */
export type OrderOutcome = 'filled' | 'unfilled' | 'rejected' | 'never-placed';

/** Times `atMs` are the venue's, ms UTC. */
export type TradingEvent =
  | { readonly type: 'candle-closed'; readonly candle: Candle; readonly signal: Signal; readonly atMs: number }
  /** The forming candle changed: stops, target and daily loss are checked, at most once per check interval. */
  | { readonly type: 'price-moved'; readonly candle: Candle; readonly atMs: number }
  | { readonly type: 'fill-received'; readonly fill: Fill; readonly atMs: number }
  | {
      readonly type: 'order-ended';
      readonly clientOrderId: string;
      readonly role: OrderRole;
      readonly outcome: OrderOutcome;
      readonly reason: string;
      readonly atMs: number;
    }
  | { readonly type: 'entries-blocked'; readonly block: EntryBlock; readonly atMs: number }
  | { readonly type: 'entries-unblocked'; readonly rule: EntryBlock['rule']; readonly atMs: number }
  | { readonly type: 'close-requested'; readonly reason: string; readonly atMs: number }
  /** The pause after an exit order that sold nothing is over (`exitPauseMs`). */
  | { readonly type: 'exit-retry-due'; readonly atMs: number };

export interface PlaceOrder {
  readonly type: 'place-order';
  readonly role: OrderRole;
  readonly side: OrderSide;
  readonly orderType: 'MARKET';
  /** Base, already on the instrument's grid. */
  readonly quantity: Decimal;
  /** Price that the sizing was done with. */
  readonly referencePrice: number;
  /**
   * What the decision is about, and part of the client order id: the close time of the candle for signals,
   * the event's time for stops, targets and requests. Never decreases within a bot.
   */
  readonly decisionMs: number;
  readonly reason: string;
}

export type TradingCommand = PlaceOrder;

export interface Decision {
  readonly state: TradingState;
  readonly commands: readonly TradingCommand[];
  /** Why nothing was done (a "no" has a reason), or why the commands are; null when the event asked for no decision. */
  readonly reason: string | null;
  /** The first rule that said no; null when none did. Closed set, for counters. */
  readonly blockedBy: BlockingRule | null;
}

export type BlockingRule =
  | EntryBlock['rule']
  | 'daily-loss'
  | 'daily-target'
  | 'max-daily-trades'
  | 'position-open'
  | 'order-in-flight'
  | 'direction'
  | 'size-below-minimum'
  | 'capital-exhausted';
