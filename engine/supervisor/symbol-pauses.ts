/** Bots pause while their symbol does not trade at the exchange, and go on when it does; other bots are not touched. */
import type { Bot } from '../bot/bot.ts';
import type { Instrument } from '../trading/instrument.ts';
import { pauseOf } from '../trading/pause.ts';

export interface SymbolPausesOptions {
  readonly entries: Iterable<{ readonly botId: string; readonly bot: Bot }>;
  /** Null for a symbol that was never asked for. */
  readonly instrument: (symbol: string) => Instrument | null;
  /** Lets go of the bot and takes it again. */
  readonly rebuild: (botId: string, reason: string) => void;
}

/** Compares what is known of the symbols with what the bots were told. Cheap: called every second. */
export function pauseWithSymbols({ entries, instrument, rebuild }: SymbolPausesOptions): void {
  for (const { botId, bot } of entries) {
    const known = instrument(bot.symbol);
    if (known === null) continue;
    const pause = pauseOf(known);
    if (pause !== null) bot.session?.block({ rule: 'symbol-not-trading', reason: pause });
    else if (bot.running && bot.withoutMarket) rebuild(botId, `${bot.symbol} trades at the exchange again`);
    else bot.session?.unblock('symbol-not-trading');
  }
}
