/** What the wire's parts share: one venue with its books, market, clock, accounts, limits and faults. */
import type { Log } from '../engine/observe/log.ts';
import type { Clock } from '../engine/time/clock.ts';
import type { Keyring } from './accounts.ts';
import type { Depths } from './depth.ts';
import type { Exchange } from './exchange.ts';
import type { Faults } from './faults.ts';
import type { Limits } from './limits.ts';
import type { Market } from './market.ts';
import type { Reads } from './reads.ts';
import type { Tape } from './tape.ts';
import type { VenueTime } from './venue-time.ts';

export interface Venue {
  readonly exchange: Exchange;
  readonly reads: Reads;
  readonly market: Market;
  readonly tape: Tape;
  readonly depths: Depths;
  readonly time: VenueTime;
  readonly keyring: Keyring;
  readonly limits: Limits;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly log: Log;
}
