/**
 * The exchange port of one process over the exchange in memory: what a REST client and a user stream would make of it.
 * Answers are classified by the adapter's own rules; a venue that asks for silence gets it, shared through the budget.
 */
import type { WeightBudget } from '../../engine/coordination/coordination.ts';
import { networkRefusal, provesNotPlaced, refusalOf } from '../../engine/exchanges/binance/errors.ts';
import type { RawAnswer } from '../../engine/exchanges/binance/errors.ts';
import { ExchangeError } from '../../engine/exchanges/exchange.ts';
import type {
  MarketData,
  OrderLookup,
  PlaceOutcome,
  Refusal,
  TradingAccount,
  UserEvent,
  UserEventListener,
} from '../../engine/exchanges/exchange.ts';
import type { VenueClock } from '../../engine/time/clock.ts';
import type { Fault } from './faults.ts';
import type { LinkOptions } from './links.ts';
import type { MemoryExchange } from './memory-exchange.ts';
import type { PriceFeed } from './price-feed.ts';

export interface ExchangeLinkOptions extends LinkOptions {
  readonly exchange: MemoryExchange;
  readonly feed: PriceFeed;
  readonly weight: WeightBudget;
  /** Ends of bans, venue time; shared by all processes. */
  readonly bans: { untilMs: number; brokenBy: string | null };
}

export const venueName = 'binance';
/** Longer than a reordered or delayed event can travel; orders older than this are never hidden from reads by chance. */
const flapAgeMs = 12_000;
const orderTimeoutMs = 15_000;
const readPatienceMs = 30_000;
const weights = { order: 4, openOrders: 6, orders: 20, trades: 20, account: 20, market: 2 } as const;

export interface ExchangeLink {
  readonly account: TradingAccount;
  readonly marketData: MarketData;
  /** The venue's clock as this process knows it; set once it exists. */
  useClock(clock: VenueClock): void;
  /** The user stream breaks, and is dialled anew after this. */
  cutUserStream(forMs: number): void;
}

export function createExchangeLink(options: ExchangeLinkOptions): ExchangeLink {
  const { process, scheduler, weather, random, exchange, feed, weight, bans } = options;
  let venueClock: VenueClock | null = null;
  let silence: { readonly refusal: Refusal; readonly untilMs: number } | null = null;
  const streams = new Set<UserStream>();
  const latency = (): number => random.between(2, 25);

  /** A request arrives: null when it may be answered. `knew` says whether it left although the process knew of the ban. */
  const refusedAtDoor = (knew: boolean): RawAnswer | null => {
    const now = exchange.now();
    if (now < bans.untilMs) {
      if (knew) bans.brokenBy = process.name;
      return {
        status: 418,
        body: { code: -1003, msg: 'Way too many requests; IP banned.' },
        retryAfterSeconds: (bans.untilMs - now) / 1_000,
      };
    }
    const ban = weather.take('ban');
    if (ban !== null) {
      bans.untilMs = now + (ban.value ?? 0);
      return { status: 418, body: { code: -1003, msg: 'Way too many requests; IP banned.' }, retryAfterSeconds: (ban.value ?? 0) / 1_000 };
    }
    const limited = weather.take('rate-limited');
    return limited === null
      ? null
      : { status: 429, body: { code: -1003, msg: 'Too many requests.' }, retryAfterSeconds: (limited.value ?? 0) / 1_000 };
  };

  /** As the REST client learns from answers: silence when it is asked for, the time anew when ours was refused. */
  const learn = async (answer: RawAnswer): Promise<Refusal> => {
    const refusal = refusalOf(answer);
    if (answer.status === 418 || answer.status === 429) {
      const untilMs = scheduler.now + (refusal.retryAfterMs ?? 60_000);
      silence = { refusal, untilMs };
      await weight.blockUntil(venueName, process.clock.now() + (refusal.retryAfterMs ?? 60_000), `HTTP ${answer.status}`);
    }
    if (refusal.class === 'clock') await venueClock?.resync();
    return refusal;
  };

  const knowsBan = (): boolean => silence !== null && silence.refusal.httpStatus === 418 && scheduler.now < silence.untilMs;

  const read = async <T>(what: keyof typeof weights, act: () => T): Promise<T> => {
    const startedAt = scheduler.now;
    for (;;) {
      const silentMs = silence === null ? 0 : silence.untilMs - scheduler.now;
      const granted = await weight.take(venueName, weights[what], 'audit');
      if (granted.granted && silentMs <= 0) break;
      const waitMs = Math.max(silentMs, granted.granted ? 0 : granted.retryAfterMs);
      if (scheduler.now - startedAt + waitMs > readPatienceMs)
        throw new ExchangeError(what, { httpStatus: 0, code: null, message: 'the venue wants silence', class: 'rate-limited' });
      await process.clock.sleep(waitMs);
    }
    const answer = await new Promise<{ readonly value: T } | RawAnswer | Error>((resolve) => {
      process.run(() => {
        if (weather.lasting('reads-fail') !== null) {
          process.after(random.between(5, 2_000), () => resolve(new Error('the connection was reset')));
          return;
        }
        const knew = knowsBan();
        scheduler.after(latency() * 2, () => {
          const refused = refusedAtDoor(knew);
          const value = refused ?? { value: act() };
          process.run(() => resolve(value));
        });
      });
    });
    if (answer instanceof Error) throw new ExchangeError(what, networkRefusal(answer));
    if ('value' in answer) return answer.value;
    throw new ExchangeError(what, await learn(answer));
  };

  /** Reads of a young order show it or not, as it happens (the venue's database lags its matching). */
  const hidden = (updatedAtMs: number): boolean =>
    weather.lasting('reads-flap') !== null && exchange.now() - updatedAtMs < flapAgeMs && random.chance(0.5);

  const placeOrder: TradingAccount['placeOrder'] = async (request, signed) => {
    if (silence !== null && scheduler.now < silence.untilMs) return classified(silence.refusal);
    const answer = await new Promise<PlaceOutcome | RawAnswer | Error>((resolve) => {
      process.run(() => {
        const lost = weather.take('order-lost');
        const failed = lost === null ? weather.take('order-5xx') : null;
        const executedAnd5xx = lost === null && failed === null ? weather.take('order-5xx-executed') : null;
        const unheard = lost === null && failed === null && executedAnd5xx === null ? weather.take('order-unheard') : null;
        const lateMs = weather.take('order-late')?.value ?? 0;
        const reset = (fault: Fault): void => void process.after(fault.value ?? 10, () => resolve(new Error('socket hang up')));
        if (lost !== null) {
          reset(lost);
          return;
        }
        if (unheard !== null) reset(unheard);
        scheduler.after(latency() + lateMs, () => {
          const refused = failed !== null ? random.pick(unprovenAnswers) : refusedAtDoor(false);
          const placed = refused ?? arrive(request, signed);
          const answerMs = latency() + (weather.take('ack-late')?.value ?? 0);
          if (unheard !== null) return;
          process.after(answerMs, () => resolve(executedAnd5xx !== null ? random.pick(unprovenAnswers) : placed));
        });
        process.after(orderTimeoutMs, () => resolve(new Error(`no answer within ${orderTimeoutMs} ms`)));
      });
    });
    if (answer instanceof Error) return { kind: 'unknown', refusal: networkRefusal(answer) };
    if ('kind' in answer) return answer;
    return classified(await learn(answer));
  };

  const arrive = (request: Parameters<typeof placeOrder>[0], signed: Parameters<typeof placeOrder>[1]): PlaceOutcome | RawAnswer => {
    const thin = weather.take('thin-book');
    const tick = exchange.matching.lastTick(request.symbol);
    if (thin !== null && tick !== null) exchange.setPrice(request.symbol, tick.price, request.quantity.times(thin.value ?? 1));
    const lag = { orderMs: weather.take('reads-lag')?.value ?? 0, tradesMs: weather.take('trades-lag')?.value ?? 0 };
    const placed = exchange.place(request, signed, lag);
    if (thin !== null && tick !== null) exchange.setPrice(request.symbol, tick.price);
    return placed.kind === 'placed' ? { kind: 'accepted', order: placed.order, fills: placed.fills } : placed.answer;
  };

  const account: TradingAccount = {
    name: exchange.account,
    placeOrder,
    order: (symbol, clientOrderId) =>
      read('order', (): OrderLookup => {
        const order = exchange.order(symbol, clientOrderId);
        return order === null || hidden(order.updatedAtMs) ? { kind: 'absent' } : { kind: 'found', order };
      }),
    openOrders: (symbol) => read('openOrders', () => exchange.openOrders(symbol).filter((order) => !hidden(order.updatedAtMs))),
    ordersSince: (symbol, startTimeMs) =>
      read('orders', () => exchange.ordersSince(symbol, startTimeMs).filter((order) => !hidden(order.updatedAtMs))),
    fillsOfOrder: (symbol, orderId) => read('trades', () => exchange.fillsOfOrder(symbol, orderId)),
    fillsSince: (symbol, fromTradeId) => read('trades', () => exchange.fillsSince(symbol, fromTradeId)),
    balances: () => read('account', () => exchange.balances()),
    listen(listener) {
      const stream = new UserStream(options, listener);
      streams.add(stream);
      stream.dial(0);
      return {
        async stop() {
          streams.delete(stream);
          stream.stop();
        },
      };
    },
  };
  return {
    account,
    marketData: {
      serverTime: () => read('market', () => Math.floor(exchange.now())),
      instruments: () => read('account', () => exchange.instruments),
      klines: (request) =>
        read('market', () => feed.klines(request)).then((rows) =>
          rows.map((row) => ({ ...row, closed: row.closeTime < (venueClock?.now() ?? 0) })),
        ),
      price: (symbol) => read('market', () => feed.price(symbol)),
    },
    useClock(clock) {
      venueClock = clock;
    },
    cutUserStream(forMs) {
      for (const stream of streams) stream.cut(forMs);
    },
  };
}

/** Answers to an order that prove nothing: it may have been executed or not (binance-wire.md 4.2). */
const unprovenAnswers: readonly RawAnswer[] = [
  { status: 504, body: { code: -1007, msg: 'Timeout waiting for response from backend server.' }, retryAfterSeconds: null },
  { status: 500, body: { code: -1000, msg: 'An unknown error occurred while processing the request.' }, retryAfterSeconds: null },
  { status: 503, body: { code: -1008, msg: 'Server is currently overloaded with other requests.' }, retryAfterSeconds: null },
  { status: 400, body: { code: -1006, msg: 'An unexpected response was received from the message bus.' }, retryAfterSeconds: null },
  { status: 502, body: undefined, retryAfterSeconds: null },
  { status: 408, body: undefined, retryAfterSeconds: null },
];

function classified(refusal: Refusal): PlaceOutcome {
  return { kind: provesNotPlaced(refusal) ? 'rejected' : 'unknown', refusal };
}

/** One user data subscription: events in order unless the weather is against it; nothing is replayed. */
class UserStream {
  readonly #options: ExchangeLinkOptions;
  readonly #listener: UserEventListener;
  #leave: (() => void) | null = null;
  #stopped = false;
  #dials = 0;

  constructor(options: ExchangeLinkOptions, listener: UserEventListener) {
    this.#options = options;
    this.#listener = listener;
  }

  dial(afterMs: number): void {
    const { process, exchange, random } = this.#options;
    const dial = (this.#dials += 1);
    process.after(afterMs + random.between(5, 60), () => {
      if (this.#stopped || dial !== this.#dials) return;
      this.#leave = exchange.listen((event) => this.#travel(event));
      this.#listener.onSubscribed();
    });
  }

  cut(forMs: number): void {
    this.#leave?.();
    this.#options.process.run(() => {
      if (this.#stopped) return;
      if (this.#leave !== null) this.#listener.onLost('cut');
      this.#leave = null;
      this.dial(forMs);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#leave?.();
  }

  #travel(event: UserEvent): void {
    const { process, weather, random } = this.#options;
    if (!process.alive) {
      this.#leave?.();
      return;
    }
    if (event.type !== 'order-updated') return;
    if (weather.take('user-lost') !== null) return;
    const hear = (): void => {
      if (!this.#stopped) this.#listener.onEvent(event);
    };
    process.after(random.between(1, 20) + (weather.take('user-late')?.value ?? 0), hear);
    if (weather.take('user-twice') !== null) process.after(random.between(5, 3_000), hear);
  }
}
