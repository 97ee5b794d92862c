/**
 * Tells the bots what keeps entries closed at the venue (an uncertain clock, a refused key, a symbol that does not trade), and that the
 * filters have changed.
 */
import { keyBlock } from '../accounts/account.ts';
import type { Bot } from '../bot/bot.ts';
import type { EntryBlock } from '../trading/events.ts';
import { pauseOf } from '../trading/pause.ts';
import type { ConnectedVenue } from '../venue.ts';

export interface WatchedBots {
  values(): Iterable<{ readonly botId: string; readonly bot: Bot }>;
  /** Lets go of the bot and takes it again. */
  rebuild(botId: string, reason: string): void;
}

export type WatchedVenue = Pick<ConnectedVenue, 'clock' | 'keyRefusal' | 'symbols'>;

/** A candle could be stale and a signature late. */
const untrustedClock: EntryBlock = { rule: 'clock-untrusted', reason: "the exchange's time is not known well enough" };

/** Compares what is known of the venue with what the bots were told. Cheap: called every second. */
export function tellOfVenue(bots: WatchedBots, venue: WatchedVenue): void {
  const clock = venue.clock.trusted ? null : untrustedClock;
  const key = keyBlock(venue.keyRefusal());
  for (const { botId, bot } of bots.values()) {
    tell(bot, 'clock-untrusted', clock);
    if (bot.live) tell(bot, 'key-unverified', key);
    const instrument = venue.symbols.find(bot.symbol);
    if (instrument === null) continue;
    const pause = pauseOf(instrument);
    if (pause === null && bot.running && bot.withoutMarket) bots.rebuild(botId, `${bot.symbol} trades at the exchange again`);
    else tell(bot, 'symbol-not-trading', pause === null ? null : { rule: 'symbol-not-trading', reason: pause });
    bot.session?.followInstrument();
  }
}

function tell({ session }: Bot, rule: EntryBlock['rule'], block: EntryBlock | null): void {
  if (block === null) session?.unblock(rule);
  else session?.block(block);
}
