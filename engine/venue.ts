/**
 * The venue as the engine is wired to it: REST, its clock, its symbols, its market series, and the account when there is a
 * key. One budget and one connect limit per venue, whoever uses them.
 */
import type { Config, VenueUrls } from './config.ts';
import type { Coordination } from './coordination/coordination.ts';
import { combinedStreamUrl } from './exchanges/binance/streams.ts';
import { createBinanceMarketData } from './exchanges/binance/market-data.ts';
import { readKeyRights } from './exchanges/binance/key-rights.ts';
import { RestClient } from './exchanges/binance/rest.ts';
import { createSigner } from './exchanges/binance/signing.ts';
import { createBinanceSpotAccount } from './exchanges/binance/spot.ts';
import { listenToUserData } from './exchanges/binance/user-stream.ts';
import { ConnectLimiter } from './exchanges/connect-limiter.ts';
import { ExchangeError } from './exchanges/exchange.ts';
import type { TradingAccount } from './exchanges/exchange.ts';
import { invalidSymbol } from './exchanges/symbol-refusals.ts';
import { RequestGate } from './exchanges/request-gate.ts';
import type { RequestBudget } from './exchanges/request-gate.ts';
import { ExchangeSocket } from './exchanges/socket.ts';
import { FeePrices } from './accounts/fee-prices.ts';
import { KeyCheck } from './accounts/key-check.ts';
import type { MarketSeries } from './market/market.ts';
import { createMarketSeries } from './market/series.ts';
import { SymbolDirectory } from './market/symbols.ts';
import type { Log } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Clock, VenueClock } from './time/clock.ts';
import { createFollowedVenueClock, createMeasuredVenueClock } from './time/venue-clock.ts';

export interface VenueOptions {
  readonly config: Config;
  readonly urls: VenueUrls;
  readonly coordination: Coordination;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly random: () => number;
}

export interface ConnectedVenue {
  readonly clock: VenueClock;
  readonly symbols: SymbolDirectory;
  readonly market: MarketSeries;
  /** Null without a key. */
  readonly account: TradingAccount | null;
  /** Values commissions in the exchange's fee coin; null without a key. */
  readonly feePrices: FeePrices | null;
  /** Why nothing may be entered with real money now; null when it may. */
  keyRefusal(): string | null;
  stop(): Promise<void>;
}

/** Throws what the venue's first answers throw: an engine that cannot reach its venue does not start. */
export async function connectVenue(options: VenueOptions): Promise<ConnectedVenue> {
  const { config, urls, coordination, clock, log, metrics, random } = options;
  const { venue, credentials } = config;
  const signer = credentials === null ? null : createSigner(credentials);
  // The clock and the REST client need each other: for the venue's time, and for signatures.
  const venueClock = (venue === 'simulated' ? createFollowedVenueClock : createMeasuredVenueClock)({
    clock,
    log,
    metrics,
    serverTime: () => marketData.serverTime(),
  });
  const gate = new RequestGate({ budget: budgetOf(coordination, venue, venue), clock, venueClock, log, metrics });
  const rest = new RestClient({
    ...{ baseUrl: urls.restUrl, clock, venueClock, log, metrics, gate, random, signer },
    onUnauthorised: () => keyCheck?.doubt(),
  });
  // Only the exchange itself and the simulator tell what a key may do; the test networks do not.
  const tellsRestrictions = venue === 'binance' || venue === 'simulated';
  const keyCheck = signer === null ? null : new KeyCheck({ read: () => readKeyRights(rest, tellsRestrictions, metrics), clock, log });
  const marketData = createBinanceMarketData(rest, gate, venueClock, metrics);
  const connectLimiter = new ConnectLimiter({ clock });
  const socket =
    (name: string, url: string) =>
    (handlers: { onOpen: () => void; onMessage: (text: string) => void; onClose: (reason: string) => void }) =>
      new ExchangeSocket({ name, url: () => url, clock, log, metrics, connectLimiter, random, ...handlers });

  await venueClock.start();
  await keyCheck?.start();
  const symbols = new SymbolDirectory({ venue, marketData, cache: coordination.symbols, clock, log, random });
  await symbols.start();
  const market = createMarketSeries({
    marketData: {
      ...marketData,
      // Which rows are closed is judged by the venue's time: it must not lag behind what the rows show.
      async klines(request) {
        await venueClock.refresh();
        try {
          return await marketData.klines(request);
        } catch (error) {
          // It is not listed any more: whoever waits for its candles must know.
          if (error instanceof ExchangeError && error.refusal.code === invalidSymbol) await symbols.recheck(request.symbol);
          throw error;
        }
      },
    },
    clock,
    venueClock,
    log,
    metrics,
    random,
    openSocket: socket('spot-market', combinedStreamUrl(urls.streamUrl)),
    onEventTime: (atMs) => venueClock.saw(atMs),
  });
  const account =
    signer === null
      ? null
      : createBinanceSpotAccount({
          name: venue,
          rest,
          gate,
          metrics,
          listen: (listener) =>
            listenToUserData({ signer, clock, venueClock, gate, log, metrics, openSocket: socket('spot-user', urls.wsApiUrl) }, listener),
        });
  const feePrices =
    signer === null
      ? null
      : new FeePrices({ priceOf: (symbol) => marketData.price(symbol), isListed: (symbol) => symbols.find(symbol) !== null, clock, log });
  return {
    clock: venueClock,
    symbols,
    market,
    account,
    feePrices,
    keyRefusal: () => (keyCheck === null ? 'this engine has no exchange key: only paper bots can run here' : keyCheck.refusal),
    async stop() {
      keyCheck?.stop();
      feePrices?.stop();
      symbols.stop();
      venueClock.stop();
      await market.stop();
      rest.close();
    },
  };
}

/** What replicas share of one venue's limits: weight per venue (this IP), orders per account. */
export function budgetOf({ weight, orders }: Pick<Coordination, 'weight' | 'orders'>, venue: string, account: string): RequestBudget {
  return {
    take: (wanted, priority) => weight.take(venue, wanted, priority),
    observe: (used, limit, atVenueMs) => weight.observe(venue, used, limit, atVenueMs),
    blockUntil: (untilMs, reason) => weight.blockUntil(venue, untilMs, reason),
    silence: () => weight.silence(venue),
    reserveOrders: (wanted, priority, atVenueMs) => orders.reserve(venue, account, wanted, priority, atVenueMs),
    observeOrders: (counts, atVenueMs) => orders.observe(venue, account, counts, atVenueMs),
    pauseOrders: (windowMs, atVenueMs) => orders.pause(venue, account, windowMs, atVenueMs),
    setOrderLimits: (limits) => orders.setLimits(venue, account, limits),
    orderLimits: () => orders.limits(venue, account),
  };
}
