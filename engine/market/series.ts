/** The market port over feed and history: one series per symbol and timeframe, opened at the first subscription, closed after the last. */
import type { MarketData } from '../exchanges/exchange.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clock, VenueClock } from '../time/clock.ts';
import { Feed } from './feed.ts';
import type { FeedOptions } from './feed.ts';
import { History } from './history.ts';
import { defaultLimits } from './limits.ts';
import type { MarketLimits } from './limits.ts';
import type { MarketSeries } from './market.ts';
import { OneSeries } from './one-series.ts';
import { createRestPrices } from './rest-prices.ts';

export interface MarketSeriesOptions {
  readonly marketData: MarketData;
  readonly clock: Clock;
  readonly venueClock: VenueClock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly random: () => number;
  readonly openSocket: FeedOptions['openSocket'];
  readonly onEventTime: (atMs: number) => void;
  readonly limits?: Partial<MarketLimits>;
}

/** How often silence is looked for. */
const watchEveryMs = 1_000;

export function createMarketSeries(options: MarketSeriesOptions): MarketSeries {
  const limits = { ...defaultLimits, ...options.limits };
  const { clock, venueClock, log, metrics } = options;
  const feed = new Feed({ ...options, limits });
  const history = new History({ ...options, limits });
  const open = new Map<string, OneSeries>();
  metrics.marketStaleSymbols.follow(() => {
    const stale = [...open.values()].filter((series) => series.health === 'stale' || series.health === 'gapped');
    return [[{}, stale.length]];
  });
  const restPrices = createRestPrices({ ...options, limits });
  const watch = clock.every(watchEveryMs, () => {
    for (const series of open.values()) series.watch();
    const unpriced = [...open.values()].filter((series) => series.wantsPrice);
    if (unpriced.length > 0) void restPrices.serve(unpriced);
  });
  return {
    async subscribe(request, listener, signal) {
      const name = `${request.symbol} ${request.timeframe}`;
      let series = open.get(name);
      if (series === undefined) {
        const created = new OneSeries({
          key: { symbol: request.symbol, timeframe: request.timeframe },
          feed,
          history,
          clock,
          venueClock,
          log: log.child({ component: 'series', series: name }),
          metrics,
          limits,
          onEmpty() {
            if (open.get(name) === created) open.delete(name);
          },
        });
        series = created;
        open.set(name, series);
      }
      return series.subscribe(request, listener, signal);
    },
    async stop() {
      watch.cancel();
      for (const series of open.values()) series.close();
      open.clear();
      await feed.stop();
    },
  };
}
