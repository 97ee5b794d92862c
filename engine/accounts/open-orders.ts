/**
 * The open orders and balances of an account as the exchange tells them, whoever placed them: other engines, other programs and
 * people share its limits (MAX_NUM_ALGO_ORDERS and the like). Read whole when user data is subscribed and now and then, kept
 * current by user events in between.
 */
import { Decimal } from 'decimal.js';
import { placedId } from '../exchanges/exchange.ts';
import type { ExchangeOrder, TradingAccount, UserEvent } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { OpenOrder } from '../orders/account-facts.ts';
import type { Clock, Timer } from '../time/clock.ts';
import { Shared, atMost } from '../time/waiting.ts';
import { isContingent } from '../trading/instrument.ts';

export interface OpenOrdersOptions {
  readonly account: TradingAccount;
  readonly clock: Clock;
  readonly log: Log;
}

/** One request of weight 80 for all symbols: the exchange's own events say what happens in between. */
const refreshEveryMs = 300_000;
const retryMs = 5_000;
/** A reading older than this does not count: two refreshes have failed, and the stream may have lost events. */
const knownForMs = 700_000;
/** The start waits for the first reading no longer than this; entries that depend on it are refused until it is there. */
const firstReadPatienceMs = 2_000;

export class OpenOrders {
  readonly #options: OpenOrdersOptions;
  #open = new Map<string, OpenOrder>();
  #held = new Map<string, Decimal>();
  #readAt: number | null = null;
  /** Events that came while a reading was under way: the reading may be older. */
  #toldMeanwhile: UserEvent[] | null = null;
  readonly #reading = new Shared(() => this.#read());
  #timer: Timer | null = null;
  #retry: Timer | null = null;
  #stopped = false;

  constructor(options: OpenOrdersOptions) {
    this.#options = options;
  }

  /** Resolves with the first reading, or when it takes too long. */
  async start(): Promise<void> {
    const { clock } = this.#options;
    this.#timer = clock.every(refreshEveryMs, () => void this.refresh());
    await atMost(clock, firstReadPatienceMs, this.refresh());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#retry?.cancel();
  }

  /** Orders of the symbol; null while the exchange has not told them. */
  of(symbol: string): readonly OpenOrder[] | null {
    return this.#known ? [...this.#open.values()].filter((order) => order.symbol === symbol) : null;
  }

  /** What the account has of the asset, free and locked; null while the exchange has not told it. */
  held(asset: string): Decimal | null {
    return this.#known ? (this.#held.get(asset) ?? new Decimal(0)) : null;
  }

  onEvent(event: UserEvent): void {
    this.#toldMeanwhile?.push(event);
    this.#apply(event);
  }

  /** Reads again; calls during a reading share it. Never throws: a failure is logged and tried again. */
  refresh(): Promise<void> {
    return this.#reading.ask();
  }

  async #read(): Promise<void> {
    const { account, clock, log } = this.#options;
    if (this.#stopped) return;
    this.#retry?.cancel();
    this.#toldMeanwhile = [];
    try {
      const [orders, balances] = await Promise.all([account.openOrders(null), account.balances()]);
      this.#open = new Map(orders.map((order) => [keyOf(order), openOrderOf(order)]));
      this.#held = new Map(balances.map(({ asset, free, locked }) => [asset, free.plus(locked)]));
      this.#readAt = clock.monotonic();
      for (const event of this.#toldMeanwhile) this.#apply(event);
    } catch (error) {
      log.warn({ err: error, account: account.name }, 'the open orders of the account could not be read; trying again');
      this.#retry = clock.after(retryMs, () => void this.refresh());
    } finally {
      this.#toldMeanwhile = null;
    }
  }

  get #known(): boolean {
    return this.#readAt !== null && this.#options.clock.monotonic() - this.#readAt < knownForMs;
  }

  #apply(event: UserEvent): void {
    if (event.type === 'balances-changed') {
      for (const { asset, free, locked } of event.balances) this.#held.set(asset, free.plus(locked));
      return;
    }
    const { order } = event;
    // It never was open; the number in the report may be another order's.
    if (placedId(order) === null) return;
    const open = order.status === 'NEW' || order.status === 'PENDING_NEW' || order.status === 'PARTIALLY_FILLED';
    // A market order never stays open.
    if (open && order.type !== 'MARKET') this.#open.set(keyOf(order), openOrderOf(order));
    else this.#open.delete(keyOf(order));
  }
}

function keyOf({ symbol, orderId }: ExchangeOrder): string {
  return `${symbol} ${orderId}`;
}

function openOrderOf({ clientOrderId, symbol, type, side, quantity, executedQuantity }: ExchangeOrder): OpenOrder {
  return { clientOrderId, symbol, algo: isContingent(type), buys: side === 'BUY' ? quantity.minus(executedQuantity) : new Decimal(0) };
}
