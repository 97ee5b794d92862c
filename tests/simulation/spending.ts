/**
 * 16: what entries may yet spend never exceeds what the account has. Judged whenever an entry is committed, against the exchange's
 * own balance: entries that the exchange has carried out are paid for by then, those on their way are not.
 */
import { isTerminal } from '../../engine/persistence/order-store.ts';
import { exact, zero } from '../../engine/trading/exact.ts';
import type { OrderRow } from './memory-rows.ts';
import type { Fail, Watched } from './watched.ts';

export class SpendingWatch {
  readonly #world: Pick<Watched, 'exchange'>;
  readonly #fail: Fail;
  /** Committed entries that were not over and not at the exchange when they were last looked at. */
  readonly #onTheirWay = new Set<OrderRow>();

  constructor(world: Pick<Watched, 'exchange'>, fail: Fail) {
    this.#world = world;
    this.#fail = fail;
  }

  onCommitted(row: OrderRow): void {
    const { reservation, clientOrderId } = row.intent;
    if (reservation === null) return;
    this.#onTheirWay.add(row);
    const { exchange } = this.#world;
    let promised = zero;
    for (const one of this.#onTheirWay) {
      const { symbol, clientOrderId: id } = one.intent;
      if (isTerminal(one.state) || exchange.matching.order(exchange.account, symbol, { clientOrderId: id }) !== null)
        this.#onTheirWay.delete(one);
      else promised = promised.plus(exact(one.intent.reservation?.amount ?? 0));
    }
    const free = exchange.balances().find(({ asset }) => asset === reservation.asset)?.free ?? zero;
    if (promised.gt(free))
      this.#fail(
        16,
        `with ${clientOrderId} entries on their way may spend ${promised.toFixed()} ${reservation.asset}, and the account has ${free.toFixed()}`,
      );
  }
}
