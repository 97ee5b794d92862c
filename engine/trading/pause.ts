/** A bot pauses while its symbol does not trade at the exchange; the name of the pause is the exchange's status. */
import type { Instrument } from './instrument.ts';

/** Why the bot pauses, in the trader's words (`paused: HALT, ...`); null while the symbol trades. */
export function pauseOf({ status, symbol }: Pick<Instrument, 'status' | 'symbol'>): string | null {
  switch (status) {
    case 'TRADING':
      return null;
    case 'DELISTED':
      return `paused: DELISTED, the exchange does not list ${symbol} any more`;
    case 'CANCEL_ONLY':
      return `paused: CANCEL_ONLY, the exchange takes no new orders of ${symbol}; stops that rest there stay`;
    case 'END_OF_DAY':
    case 'HALT':
    case 'BREAK':
      return `paused: ${status}, ${symbol} does not trade at the exchange now`;
    default:
      return status satisfies never;
  }
}
