/** How many bots run here in which state, and how many hold a position, as gauges: only what changed is set. */
import type { Bot } from '../bot/bot.ts';
import type { Metrics } from '../observe/metrics.ts';

interface Counted {
  readonly bot: Bot;
  readonly mode: 'live' | 'paper';
}

export class BotCounts {
  readonly #metrics: Metrics;
  readonly #states = { live: new Map<string, number>(), paper: new Map<string, number>() };
  readonly #positions = { live: -1, paper: -1 };

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Counts anew. A state that nobody is in any more stays as 0. */
  count(entries: Iterable<Counted>): void {
    const states = { live: new Map<string, number>(), paper: new Map<string, number>() };
    const positions = { live: 0, paper: 0 };
    for (const { bot, mode } of entries) {
      const { life } = bot;
      states[mode].set(life, (states[mode].get(life) ?? 0) + 1);
      if (bot.session !== null && bot.session.phase !== 'flat') positions[mode] += 1;
    }
    for (const mode of ['live', 'paper'] as const) {
      const told = this.#states[mode];
      for (const state of told.keys()) if (!states[mode].has(state)) states[mode].set(state, 0);
      for (const [state, count] of states[mode])
        if (told.get(state) !== count) this.#metrics.bots.set({ state, market: 'spot', mode }, count);
      this.#states[mode] = states[mode];
      if (this.#positions[mode] !== positions[mode]) this.#metrics.positionsOpen.set({ market: 'spot', mode }, positions[mode]);
      this.#positions[mode] = positions[mode];
    }
  }
}
