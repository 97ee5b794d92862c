/**
 * The exchange port of one process over the exchange in memory: what a REST client and a user stream would make of it.
 * Answers are classified by the adapter's own rules; a venue that asks for silence gets it, shared through the budget.
 */
import { networkRefusal, provesNotPlaced, refusalOf } from '../../engine/exchanges/binance/errors.ts';
import type { RawAnswer } from '../../engine/exchanges/binance/errors.ts';
import { ExchangeError } from '../../engine/exchanges/exchange.ts';
import type {
  CancelOutcome,
  ExchangeOrder,
  MarketData,
  OrderLookup,
  PlaceOutcome,
  Refusal,
  ReplaceOutcome,
  TradingAccount,
  UserEvent,
  UserEventListener,
} from '../../engine/exchanges/exchange.ts';
import type { RequestGate, RequestPriority } from '../../engine/exchanges/request-gate.ts';
import type { VenueClock } from '../../engine/time/clock.ts';
import { zero } from '../../engine/trading/exact.ts';
import type { Fault } from './faults.ts';
import type { LinkOptions } from './links.ts';
import type { MemoryExchange, ReadLag, VenueAnswer } from './memory-exchange.ts';
import type { PriceFeed } from './price-feed.ts';

export interface ExchangeLinkOptions extends LinkOptions {
  readonly exchange: MemoryExchange;
  readonly feed: PriceFeed;
  readonly gate: RequestGate;
  /** The venue's clock as this process knows it. */
  readonly venueClock: Pick<VenueClock, 'now' | 'resync'>;
  /** The exchange has just taken a stop of this process. */
  readonly onStopTaken: () => void;
  /** Ends of bans, venue time; shared by all processes. */
  readonly bans: { untilMs: number; brokenBy: string | null };
}

export const venueName = 'binance';
/** Longer than a reordered or delayed event can travel; orders older than this are never hidden from reads by chance. */
export const flapAgeMs = 12_000;
const orderTimeoutMs = 15_000;
const weights = { order: 4, openOrders: 6, orders: 20, tradesOfOrder: 5, trades: 20, account: 20, market: 2 } as const;
/** As the adapter reads: what became of orders is what exits and stops wait for. */
const priorities: Readonly<Record<keyof typeof weights, RequestPriority>> = {
  order: 'exit',
  openOrders: 'exit',
  orders: 'exit',
  tradesOfOrder: 'exit',
  trades: 'audit',
  account: 'audit',
  market: 'audit',
};

export interface ExchangeLink {
  readonly account: TradingAccount;
  readonly marketData: MarketData;
  /** A cancel is under way, or a request that cancels and places: what it did is not known yet. */
  readonly awaitsCancel: boolean;
  /** The user stream breaks, and is dialled anew after this. */
  cutUserStream(forMs: number): void;
}

export function createExchangeLink(options: ExchangeLinkOptions): ExchangeLink {
  const { process, scheduler, weather, random, exchange, feed, gate, venueClock, bans } = options;
  const streams = new Set<UserStream>();
  let cancels = 0;
  const latency = (): number => random.between(2, 25);
  const answerOf = (status: number, code: number, msg: string, waitMs: number): RawAnswer => ({
    status,
    body: { code, msg },
    retryAfterSeconds: waitMs / 1_000,
    receivedAtVenueMs: venueClock.now(),
  });

  /** A request arrives: null when it may be answered. `knew` says whether it left although the process knew of the ban. */
  const refusedAtDoor = (knew: boolean): RawAnswer | null => {
    const now = exchange.now();
    if (now < bans.untilMs) {
      if (knew) bans.brokenBy = process.name;
      return answerOf(418, -1003, 'Way too many requests; IP banned.', bans.untilMs - now);
    }
    const ban = weather.take('ban');
    if (ban !== null) {
      bans.untilMs = now + (ban.value ?? 0);
      return answerOf(418, -1003, 'Way too many requests; IP banned.', ban.value ?? 0);
    }
    const limited = weather.take('rate-limited');
    return limited === null ? null : answerOf(429, -1003, 'Too many requests.', limited.value ?? 0);
  };

  /** As the REST client learns from answers: silence when it is asked for, the time anew when ours was refused. */
  const learn = async (answer: RawAnswer): Promise<Refusal> => {
    const refusal = refusalOf(answer);
    gate.learn({ usedWeight: null, orderCounts: new Map(), refusal });
    if (refusal.class === 'clock') await venueClock.resync();
    return refusal;
  };

  const knowsBan = (): boolean => gate.silenceRefusal()?.message.includes('HTTP 418') === true;

  const read = async <T>(what: keyof typeof weights, act: () => T): Promise<T> => {
    await gate.admit(what, weights[what], priorities[what]);
    // What it hears of a ban while it is stopped between admission and socket, it knows only after the request has left.
    const knew = knowsBan();
    const answer = await new Promise<{ readonly value: T } | RawAnswer | Error>((resolve) => {
      process.run(() => {
        if (weather.lasting('reads-fail') !== null) {
          process.after(random.between(5, 2_000), () => resolve(new Error('the connection was reset')));
          return;
        }
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

  /** A request that changes something, sent once: what the exchange did, or what is known of it. */
  const send = async <T>(
    way: 'order' | 'cancel' | 'replace',
    act: () => T,
  ): Promise<{ readonly did: T } | { readonly refusal: Refusal }> => {
    const silent = gate.silenceRefusal();
    if (silent !== null) return { refusal: silent };
    if (way !== 'order') cancels += 1;
    const answer = await new Promise<{ readonly did: T } | RawAnswer | Error>((resolve) => {
      process.run(() => {
        const lost = weather.take(`${way}-lost`);
        const failed = lost === null ? weather.take(`${way}-5xx`) : null;
        const executedAnd5xx = lost === null && failed === null ? weather.take(`${way}-5xx-executed`) : null;
        const unheard = lost === null && failed === null && executedAnd5xx === null ? weather.take(`${way}-unheard`) : null;
        const lateMs = weather.take('order-late')?.value ?? 0;
        const reset = (fault: Fault): void => void process.after(fault.value ?? 10, () => resolve(new Error('socket hang up')));
        if (lost !== null) {
          reset(lost);
          return;
        }
        if (unheard !== null) reset(unheard);
        scheduler.after(latency() + lateMs, () => {
          const refused = failed !== null ? random.pick(unprovenAnswers) : refusedAtDoor(false);
          const done = refused ?? { did: act() };
          const answerMs = latency() + (weather.take('ack-late')?.value ?? 0);
          if (unheard !== null) return;
          process.after(answerMs, () => resolve(executedAnd5xx !== null ? random.pick(unprovenAnswers) : done));
        });
        process.after(orderTimeoutMs, () => resolve(new Error(`no answer within ${orderTimeoutMs} ms`)));
      });
    });
    if (way !== 'order') cancels -= 1;
    if (answer instanceof Error) return { refusal: networkRefusal(answer) };
    return 'did' in answer ? answer : { refusal: await learn(answer) };
  };

  /** What the venue did of a placement or a cancel: its value, or the refusal behind the wire's answer. */
  const settled = async <T>(
    sent: { readonly did: VenueAnswer<T> } | { readonly refusal: Refusal },
  ): Promise<{ readonly value: T } | { readonly refusal: Refusal }> => {
    if ('refusal' in sent) return sent;
    return sent.did.kind === 'done' ? { value: sent.did.value } : { refusal: await learn(sent.did.answer) };
  };

  const lag = (): ReadLag => ({ orderMs: weather.take('reads-lag')?.value ?? 0, tradesMs: weather.take('trades-lag')?.value ?? 0 });

  const stopTaken = <T>(answer: VenueAnswer<T>, isStop = true): VenueAnswer<T> => {
    if (isStop && answer.kind === 'done') options.onStopTaken();
    return answer;
  };

  const placeOrder: TradingAccount['placeOrder'] = async (request, signed): Promise<PlaceOutcome> => {
    const placed = await settled(
      await send('order', () => {
        const thin = request.type === 'MARKET' ? weather.take('thin-book') : null;
        const tick = exchange.matching.lastTick(request.symbol);
        const targets = thin === null ? exchange.ownTargets(request) : 'none';
        // The rest that our targets leave could trade with somebody else's order far away.
        const matched = targets === 'all' ? weather.take('own-match') : null;
        const meets = matched ?? (targets === 'none' ? null : weather.take('own-prevented'));
        if (thin !== null && tick !== null) exchange.setPrice(request.symbol, tick.price, request.quantity.times(thin.value ?? 1));
        if (meets !== null && tick !== null) exchange.setPrice(request.symbol, tick.price, zero);
        const allowed = matched !== null ? { selfTradePrevention: 'NONE' as const } : {};
        const answer = exchange.place({ ...request, ...allowed }, signed, lag());
        if ((thin !== null || meets !== null) && tick !== null) exchange.setPrice(request.symbol, tick.price);
        return stopTaken(answer, request.type !== 'MARKET');
      }),
    );
    return 'value' in placed ? { kind: 'accepted', ...placed.value } : notPlaced(placed.refusal);
  };

  const cancelled = (answer: { readonly value: readonly ExchangeOrder[] } | { readonly refusal: Refusal }): CancelOutcome =>
    'value' in answer
      ? { kind: 'cancelled', orders: answer.value }
      : { kind: provesNotPlaced(answer.refusal) ? 'refused' : 'unknown', refusal: answer.refusal };

  const replaceOrder: TradingAccount['replaceOrder'] = async (cancelledId, request, signed): Promise<ReplaceOutcome> => {
    const sent = await send('replace', () => {
      const touched = weather.take('replace-touched') === null ? null : exchange.matching.lastTick(request.symbol);
      const arriving = touched === null ? request : { ...request, stopPrice: touched.price };
      const replaced = exchange.replace(cancelledId, arriving, signed, lag());
      if (replaced.placed !== null) stopTaken(replaced.placed);
      return replaced;
    });
    if ('refusal' in sent) return { cancel: cancelled(sent), place: notPlaced(sent.refusal) };
    const cancel = cancelled(await settled({ did: sent.did.cancelled }));
    if (sent.did.placed === null) return { cancel, place: { kind: 'not-attempted' } };
    const placed = await settled({ did: sent.did.placed });
    return { cancel, place: 'value' in placed ? { kind: 'accepted', ...placed.value } : notPlaced(placed.refusal) };
  };

  const account: TradingAccount = {
    name: exchange.account,
    reserveOrder: (priority) => gate.reserve(1, priority),
    placeOrder,
    async placeOco(request, signed) {
      const placed = await settled(await send('order', () => stopTaken(exchange.placeOco(request, signed, lag()))));
      return 'value' in placed ? { kind: 'accepted', orders: placed.value } : notPlaced(placed.refusal);
    },
    cancelOrder: async (symbol, clientOrderId, signed) =>
      cancelled(await settled(await send('cancel', () => exchange.cancel(symbol, clientOrderId, signed)))),
    replaceOrder,
    order: (symbol, clientOrderId) =>
      read('order', (): OrderLookup => {
        const order = exchange.order(symbol, clientOrderId);
        const found = order !== null && !hidden(order.updatedAtMs);
        exchange.denials.onOrder(process.name, clientOrderId, found);
        return found ? { kind: 'found', order } : { kind: 'absent' };
      }),
    openOrders: (symbol) =>
      read('openOrders', () => {
        const shown = exchange.openOrders(symbol).filter((order) => !hidden(order.updatedAtMs));
        exchange.denials.onOpenOrders(process.name, shown);
        return shown;
      }),
    ordersSince: (symbol, startTimeMs) =>
      read('orders', () => exchange.ordersSince(symbol, startTimeMs).filter((order) => !hidden(order.updatedAtMs))),
    ordersFrom: (symbol, fromOrderId) =>
      read('orders', () => exchange.ordersFrom(symbol, fromOrderId).filter((order) => !hidden(order.updatedAtMs))),
    fillsOfOrder: (symbol, orderId) => read('tradesOfOrder', () => exchange.fillsOfOrder(symbol, orderId)),
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
      klines: async (request) => {
        const askedAtMs = venueClock.now();
        const rows = await read('market', () => feed.klines(request));
        return rows.map((row) => ({ ...row, closed: row.closeTime < askedAtMs }));
      },
      price: (symbol) => read('market', () => feed.price(symbol)),
      prices: (symbols) => read('market', () => new Map(symbols.map((symbol) => [symbol, feed.price(symbol)]))),
    },
    get awaitsCancel() {
      return cancels > 0;
    },
    cutUserStream(forMs) {
      for (const stream of streams) stream.cut(forMs);
    },
  };
}

/** Answers to an order that prove nothing: it may have been executed or not. */
const unprovenAnswers: readonly RawAnswer[] = [
  unproven(504, { code: -1007, msg: 'Timeout waiting for response from backend server.' }),
  unproven(500, { code: -1000, msg: 'An unknown error occurred while processing the request.' }),
  unproven(503, { code: -1008, msg: 'Server is currently overloaded with other requests.' }),
  unproven(400, { code: -1006, msg: 'An unexpected response was received from the message bus.' }),
  unproven(502, undefined),
  unproven(408, undefined),
];

function unproven(status: number, body: unknown): RawAnswer {
  return { status, body, retryAfterSeconds: null, receivedAtVenueMs: 0 };
}

function notPlaced(refusal: Refusal): { readonly kind: 'rejected' | 'unknown'; readonly refusal: Refusal } {
  return { kind: provesNotPlaced(refusal) ? 'rejected' : 'unknown', refusal };
}

/** What stands for an order id in the report of an order that was refused. */
const idsOfNone = ['-1', '0', '999'] as const;

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
    const { process, weather, random, replica } = this.#options;
    if (!process.alive) {
      this.#leave?.();
      return;
    }
    if (weather.lasting('user-mute', replica) !== null || weather.take('user-lost') !== null) return;
    const refused = event.type === 'order-updated' && event.order.status === 'REJECTED';
    const told = refused ? { ...event, order: { ...event.order, orderId: random.pick(idsOfNone) } } : event;
    const hear = (): void => {
      if (!this.#stopped) this.#listener.onEvent(told);
    };
    process.after(random.between(1, 20) + (weather.take('user-late')?.value ?? 0), hear);
    if (weather.take('user-twice') !== null) process.after(random.between(5, 3_000), hear);
  }
}
