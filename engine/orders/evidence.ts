/** What was learnt of an order, in the form in which it is written. */
import { placedId } from '../exchanges/exchange.ts';
import type { ExchangeFill, ExchangeOrder, ExchangeOrderStatus } from '../exchanges/exchange.ts';
import type { ExecutionEvidence, FillSource, OrderState, ReportedFill } from '../persistence/order-store.ts';
import type { OrderOutcome } from '../trading/events.ts';
import type { Instrument } from '../trading/instrument.ts';
import type { AccountFacts } from './account-facts.ts';

export type Evidence = Omit<ExecutionEvidence, 'botId' | 'epoch' | 'clientOrderId' | 'instrument'>;
export type Proof = ExecutionEvidence['proof'];

const stateOf: Readonly<Record<ExchangeOrderStatus, OrderState>> = {
  NEW: 'accepted',
  PENDING_NEW: 'accepted',
  PARTIALLY_FILLED: 'accepted',
  FILLED: 'filled',
  CANCELED: 'cancelled',
  REJECTED: 'rejected',
  EXPIRED: 'expired',
  EXPIRED_IN_MATCH: 'expired',
};

/** The exchange's view of the order, with the executions that came along. */
export function evidenceOfOrder(order: ExchangeOrder, fills: readonly ExchangeFill[], source: FillSource, proof: Proof): Evidence {
  return {
    state: stateOf[order.status],
    exchangeOrderId: placedId(order),
    executedQuantity: order.executedQuantity,
    executedQuote: order.executedQuote,
    fills: fills.map(reported),
    source,
    proof,
  };
}

/** Executions that trade history told; it says nothing of the order's state. */
export function evidenceOfHistory(fills: readonly ExchangeFill[]): Evidence {
  return { ...nothing, exchangeOrderId: fills[0]?.orderId ?? null, fills: fills.map(reported), source: 'history' };
}

/** A state without executions. */
export function evidenceOfState(state: OrderState, source: FillSource, proof: Proof): Evidence {
  return { ...nothing, state, source, proof };
}

const nothing: Omit<Evidence, 'source'> = {
  state: null,
  exchangeOrderId: null,
  executedQuantity: null,
  executedQuote: null,
  fills: [],
  proof: null,
};

/** With the worth of commissions that are neither in base nor in quote. */
export function valuedEvidence<T extends Pick<ExecutionEvidence, 'fills'>>(
  evidence: T,
  instrument: Instrument,
  facts: Pick<AccountFacts, 'valued'> | null,
): T {
  return facts === null || evidence.fills.length === 0 ? evidence : { ...evidence, fills: facts.valued(evidence.fills, instrument) };
}

function reported(fill: ExchangeFill): ReportedFill {
  const { tradeId, price, quantity, commission, commissionAsset, isMaker, atMs } = fill;
  return { tradeId, price, quantity, commission, commissionAsset, isMaker, atMs };
}

/** What a bot is told of an order that is over: any execution counts as filled. */
export function outcomeOf(state: OrderState, executed: boolean): OrderOutcome {
  if (executed) return 'filled';
  return state === 'rejected' || state === 'never-placed' ? state : 'unfilled';
}
