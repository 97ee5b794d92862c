/** How many bots run here in which state, and how many hold a position, as gauges. */
import type { Bot } from '../bot/bot.ts';
import type { Metrics } from '../observe/metrics.ts';

interface Counted {
  readonly bot: Bot;
  readonly mode: 'live' | 'paper';
}

/** `entries` is asked for those that run at every scrape. */
export function countBots(metrics: Pick<Metrics, 'bots' | 'positionsOpen'>, entries: () => Iterable<Counted>): void {
  metrics.bots.follow(() => [...entries()].map(({ bot, mode }) => [{ state: bot.life, market: 'spot', mode }, 1]));
  metrics.positionsOpen.follow(() => {
    const open = { live: 0, paper: 0 };
    for (const { bot, mode } of entries()) if (bot.session !== null && bot.session.phase !== 'flat') open[mode] += 1;
    return (['live', 'paper'] as const).map((mode) => [{ market: 'spot', mode }, open[mode]]);
  });
}
