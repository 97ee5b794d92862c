/**
 * How the state of an order's row changes: forward only. It becomes terminal only when every fill of the order has its row, so an order that
 * is over is complete. `never-placed` is our own conclusion: evidence of how the order really ended replaces it, and until then the row
 * keeps it, because another order of the role may be open by now.
 */
import type { EntityManager } from '@mikro-orm/postgresql';
import { Decimal } from 'decimal.js';
import { OutboxEvent } from '../../entities/index.ts';
import type { Order } from '../../entities/index.ts';
import { isTerminal } from './order-store.ts';
import type { ExecutionEvidence, OrderState } from './order-store.ts';

/** What the fill rows of an order add up to. */
export interface Filled {
  readonly quantity: Decimal;
  readonly quote: Decimal;
}

/** Applies the evidence to the order; answers executed quantity that has no fill row yet. */
export function advanceOrder(em: EntityManager, order: Order, evidence: ExecutionEvidence, filled: Filled, now: Date): Decimal {
  order.executedQuantity = Decimal.max(order.executedQuantity, evidence.executedQuantity ?? 0, filled.quantity);
  order.executedQuote = Decimal.max(order.executedQuote, evidence.executedQuote ?? 0, filled.quote);
  const missing = order.executedQuantity.minus(filled.quantity);
  const before = order.state;
  const next = nextState(before, evidence.state, {
    executed: order.executedQuantity.gt(0),
    known: order.exchangeOrderId !== null,
    complete: missing.lte(0),
  });
  if (next === before) return missing;
  order.state = next;
  order.updatedAt = now;
  if (evidence.proof !== null) order.evidence = { ...order.evidence, [next]: evidence.proof };
  if (isTerminal(next)) {
    order.resolvedAt = now;
    em.create(OutboxEvent, {
      topic: `order-${next}`,
      botConfig: order.botConfig,
      payload: {
        clientOrderId: order.clientOrderId,
        symbol: order.symbol,
        side: order.side,
        role: order.role,
        reason: order.reason,
        executedQuantity: order.executedQuantity.toFixed(),
      },
      createdAt: now,
      deliveredAt: null,
    });
  }
  return missing;
}

/** What is known of the order besides the state that the evidence names. */
export interface Known {
  /** Some quantity was executed. */
  readonly executed: boolean;
  /** The exchange gave it an order id: it was placed. */
  readonly known: boolean;
  /** Every executed quantity has its fill row. */
  readonly complete: boolean;
}

/** An end that only an order in the exchange's books can have. */
function isEnd(state: OrderState): boolean {
  return state === 'filled' || state === 'cancelled' || state === 'expired';
}

export function nextState(current: OrderState, told: OrderState | null, { executed, known, complete }: Known): OrderState {
  const placed = executed || known;
  const base: OrderState = placed && (current === 'intended' || current === 'unknown') ? 'accepted' : current;
  if (current === 'never-placed') return placed && complete && told !== null && isEnd(told) ? told : current;
  if (told === null || isTerminal(base)) return base;
  if (told === 'unknown') return base === 'intended' ? 'unknown' : base;
  if (told === 'never-placed' || told === 'rejected') return placed ? base : told;
  if (!isTerminal(told)) return told === 'accepted' ? 'accepted' : base;
  return complete ? told : 'accepted';
}

/** Why the bot of an order is held that exists although it had been declared never placed. */
export function lateReason({
  clientOrderId,
  role,
  side,
  quantity,
  symbol,
}: Pick<Order, 'clientOrderId' | 'role' | 'side' | 'quantity' | 'symbol'>): string {
  return `the ${role} order ${clientOrderId} (${side} ${quantity.toFixed()} ${symbol}) appeared at the exchange after it had been declared never placed; look at its orders and position, then resume`;
}
