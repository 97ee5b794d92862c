/**
 * One exchange account: everything that hangs on its key. Its user stream is the one place where live executions come in; what the stream
 * loses is read from history; its open orders, balances and capital are kept as the exchange tells them, and before bots may trade on it
 * it is compared with their rows. It knows its bots by what they show of themselves.
 */
import type { Reach } from '../crash-points.ts';
import type { TradingAccount, UserEvent, UserEventListener } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { AccountFacts } from '../orders/account-facts.ts';
import type { OrderDesk } from '../orders/order-desk.ts';
import type { CapitalStore } from '../persistence/capital-store.ts';
import type { OrderStore } from '../persistence/order-store.ts';
import type { ReconcileStore } from '../persistence/reconcile-store.ts';
import type { Safety } from '../safety.ts';
import type { Clock, Timer, VenueClock } from '../time/clock.ts';
import type { EntryBlock } from '../trading/events.ts';
import type { Instrument } from '../trading/instrument.ts';
import { CapitalWatch } from './capital.ts';
import type { CapitalBot } from './capital.ts';
import { DriftWatch } from './drift.ts';
import type { FeePrices } from './fee-prices.ts';
import { FillAudit } from './fill-audit.ts';
import { OpenOrders } from './open-orders.ts';
import { AccountReconciler } from './reconcile.ts';
import { TakeOver } from './take-over.ts';
import type { Claimed, Prepared, RunningBot } from './take-over.ts';

/** A bot of this process that trades on the account. */
export type AccountBot = RunningBot & CapitalBot;

export interface AccountOptions {
  /** The exchange's side of it. */
  readonly trading: TradingAccount;
  readonly venue: string;
  readonly installation: string;
  /** Bots of this process that trade on it, as they are now. */
  readonly bots: Iterable<AccountBot>;
  readonly desk: OrderDesk;
  readonly orders: OrderStore;
  readonly rows: ReconcileStore;
  readonly capital: CapitalStore;
  /** Worth of commissions in the fee coin; null where nobody tells it. */
  readonly feePrices: FeePrices | null;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly reach: Reach;
  readonly safety: Safety;
  readonly auditIntervalMs: number;
  /** Null for a symbol that the exchange does not list. */
  instrument(symbol: string): Instrument | null;
  /** Why the exchange has not shown that the key may trade; null when it has. */
  keyRefusal(): string | null;
}

export class Account implements UserEventListener {
  readonly #options: AccountOptions;
  readonly #openOrders: OpenOrders;
  readonly #audit: FillAudit;
  readonly #takeOver: TakeOver;
  readonly #capital: CapitalWatch;
  #stream: { stop(): Promise<void> } | null = null;
  #auditTimer: Timer | null = null;
  #streaming = false;
  /** What orders ask of it. */
  readonly facts: AccountFacts;

  constructor(options: AccountOptions) {
    this.#options = options;
    const { trading, bots, auditIntervalMs, feePrices } = options;
    const shared = { ...options, account: trading };
    this.#openOrders = new OpenOrders(shared);
    this.#audit = new FillAudit(shared);
    this.#capital = new CapitalWatch({ ...shared, store: options.capital });
    this.facts = {
      openOrders: (symbol) => this.#openOrders.of(symbol),
      held: (asset) => this.#openOrders.held(asset),
      valued: (fills, instrument) => feePrices?.valued(fills, instrument) ?? fills,
      search: (symbol) => void this.#takeOver.searchSymbol(symbol),
    };
    this.#takeOver = new TakeOver({
      ...shared,
      running: bots,
      driftIntervalMs: auditIntervalMs,
      reconciler: new AccountReconciler({ ...shared, facts: this.facts }),
      drift: new DriftWatch(shared),
    });
  }

  /** As the exchange names it. */
  get trading(): TradingAccount {
    return this.#options.trading;
  }

  /** True while a user-data subscription stands. */
  get streaming(): boolean {
    return this.#streaming;
  }

  /** Subscribes before the first bot recovers: what happens meanwhile is not missed. Resolves when its open orders are known, or after a moment. */
  async start(): Promise<void> {
    const { trading, clock, auditIntervalMs } = this.#options;
    this.#stream = trading.listen(this);
    this.#auditTimer = clock.every(auditIntervalMs, () => void this.#auditFills());
    this.#takeOver.start();
    this.#capital.start();
    await this.#openOrders.start();
  }

  /** Compares before bots are spawned; answers whose rows changed, and why entries stay closed. Never throws. */
  async prepare(claimed: readonly Claimed[], botIds: readonly string[]): Promise<Prepared> {
    const [{ changed, blocks }] = await Promise.all([
      this.#takeOver.prepare(claimed),
      this.#capital.ready(claimed.map((bot) => bot.instrument().quoteAsset)),
    ]);
    const key = keyBlock(this.#options.keyRefusal());
    return { changed, blocks: key === null ? blocks : new Map(botIds.map((botId) => [botId, [...(blocks.get(botId) ?? []), key]])) };
  }

  /** A live bot trades in this quote from now on. */
  follow(quoteAsset: string): void {
    this.#options.feePrices?.follow(quoteAsset);
  }

  /** Nobody waits for it any longer: the process is about to end. */
  leave(): void {
    this.#openOrders.stop();
    this.#takeOver.leave();
  }

  async stop(): Promise<void> {
    await this.#takeOver.stop();
    await this.#capital.stop();
    this.#auditTimer?.cancel();
    this.#audit.stop();
    await this.#stream?.stop();
    await this.#audit.settled();
  }

  onEvent(event: UserEvent): void {
    if (event.type === 'balances-changed') this.#capital.changed();
    this.#openOrders.onEvent(event);
    this.#options.desk.onUserEvent(event);
  }

  onSubscribed(): void {
    this.#streaming = true;
    void this.#openOrders.refresh();
    void this.#auditFills();
  }

  onLost(reason: string): void {
    this.#streaming = false;
    this.#options.log.warn(
      { account: this.#options.trading.name, reason },
      'the user data stream is interrupted; history is read when it is back',
    );
  }

  /** Reads what the stream may have lost of the symbols on which a bot has something at stake; trades of nobody cause a search. */
  async #auditFills(): Promise<void> {
    const exposed = new Set([...this.#options.bots].filter((bot) => bot.exposed).map(({ symbol }) => symbol));
    for (const symbol of exposed) if (await this.#audit.run(symbol)) void this.#takeOver.searchSymbol(symbol);
  }
}

/** Entries only: exits are tried although the key is refused. */
export function keyBlock(refusal: string | null): EntryBlock | null {
  return refusal === null ? null : { rule: 'key-unverified', reason: refusal };
}
