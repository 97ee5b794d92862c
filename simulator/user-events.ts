/** Takes what happened in the books to those who subscribed, in order; faults may drop, double, delay or swap events on the way. */
import type { BookEvent } from '../engine/matching/matching.ts';
import type { Venue } from './venue.ts';
import { userEvent } from './user-wire.ts';

type Told = Readonly<Record<string, unknown>>;

export class UserEvents {
  readonly #venue: Venue;
  readonly #send: (account: string, event: Told) => void;
  /** By account: the event that waits for the next one to pass. */
  readonly #held = new Map<string, Told>();

  constructor(venue: Venue, send: (account: string, event: Told) => void) {
    this.#venue = venue;
    this.#send = send;
  }

  tell(events: readonly BookEvent[]): void {
    if (this.#venue.faults.peek('mute-user-data') !== null) return;
    for (const event of events) this.#tellOne(accountOf(event), userEvent(event));
  }

  #tellOne(account: string, event: Told): void {
    const held = this.#held.get(account);
    const fault = this.#venue.faults.take(
      'user-event',
      (one) =>
        !(one.how === 'reorder' && held !== undefined) &&
        (one.event === undefined || one.event === event['e']) &&
        (one.execution === undefined || one.execution === event['x']),
    );
    switch (fault?.how) {
      case 'drop':
        return;
      case 'reorder':
        this.#held.set(account, event);
        return;
      case 'delay':
        this.#venue.clock.after(fault.ms ?? 0, () => this.#send(account, event));
        return;
      case 'double':
        this.#send(account, event);
        break;
      case undefined:
        break;
    }
    this.#send(account, event);
    if (held === undefined) return;
    this.#held.delete(account);
    this.#send(account, held);
  }
}

function accountOf(event: BookEvent): string {
  switch (event.type) {
    case 'order':
      return event.order.account;
    case 'list':
      return event.list.account;
    case 'balances':
      return event.account;
    default:
      return event satisfies never;
  }
}
