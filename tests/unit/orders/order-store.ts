/** An order store in memory with the rules of the real one, for tests of the protocol around it. */
import { Decimal } from 'decimal.js';
import { tradeAfter } from '../../../engine/persistence/book-fills.ts';
import type { Intent, IntentVerdict } from '../../../engine/persistence/commit-intents.ts';
import { nextState } from '../../../engine/persistence/order-life.ts';
import { isTerminal } from '../../../engine/persistence/order-store.ts';
import type { ExecutionEvidence, OrderStore, RecordAnswer, StoredOrder, TradingPlace } from '../../../engine/persistence/order-store.ts';
import type { Fill } from '../../../engine/trading/events.ts';
import { zero } from '../../../engine/trading/exact.ts';
import { emptyPosition } from '../../../engine/trading/position.ts';

export class MemoryOrderStore implements OrderStore {
  readonly orders = new Map<string, StoredOrder>();
  readonly fills = new Map<string, Fill>();
  readonly proofs: ExecutionEvidence[] = [];
  epoch = 1;
  /** Set to make the next commits fail: with what, and whether the rows are there all the same. */
  commitFault: { readonly error: Error; readonly durable: boolean } | null = null;
  recordFault: Error | null = null;
  /** Set to lose the answer of the next record that books a fill; the rows are there all the same. */
  answerLost: Error | null = null;

  async commit(intents: readonly Intent[]): Promise<ReadonlyMap<string, IntentVerdict>> {
    const fault = this.commitFault;
    this.commitFault = null;
    if (fault !== null && !fault.durable) throw fault.error;
    const verdicts = new Map<string, IntentVerdict>();
    for (const intent of intents) {
      const open = [...this.orders.values()].some(
        (order) => order.botId === intent.botId && order.role === intent.role && order.slot === intent.slot && !isTerminal(order.state),
      );
      const verdict = intent.epoch !== this.epoch ? 'fenced' : open || this.orders.has(intent.clientOrderId) ? 'refused' : 'committed';
      verdicts.set(intent.clientOrderId, verdict);
      if (verdict !== 'committed') continue;
      this.orders.set(intent.clientOrderId, {
        ...intent,
        state: 'intended',
        exchangeOrderId: null,
        executedQuantity: new Decimal(0),
        createdAtMs: 0,
      });
    }
    if (fault !== null) throw fault.error;
    return verdicts;
  }

  async committed(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(ids.filter((id) => this.orders.has(id)));
  }

  async record(evidence: readonly ExecutionEvidence[]): Promise<readonly RecordAnswer[]> {
    if (this.recordFault !== null) {
      const fault = this.recordFault;
      this.recordFault = null;
      throw fault;
    }
    return evidence.map((piece) => this.#record(piece));
  }

  #record(evidence: ExecutionEvidence): RecordAnswer {
    this.proofs.push(evidence);
    if (evidence.epoch !== this.epoch) return { verdict: 'fenced' };
    const order = this.orders.get(evidence.clientOrderId);
    if (order === undefined) return { verdict: 'no-such-order' };
    const newFills: Fill[] = [];
    for (const fill of evidence.fills) {
      const key = `${order.clientOrderId} ${fill.tradeId}`;
      if (this.fills.has(key)) continue;
      const booked: Fill = { ...fill, clientOrderId: order.clientOrderId, role: order.role, exitKind: order.exitKind, side: order.side };
      this.fills.set(key, booked);
      newFills.push(booked);
    }
    const own = [...this.fills.values()].filter((fill) => fill.clientOrderId === order.clientOrderId);
    const filled = own.reduce((sum, fill) => sum.plus(fill.quantity), new Decimal(0));
    const executedQuantity = Decimal.max(order.executedQuantity, evidence.executedQuantity ?? 0, filled);
    const missing = executedQuantity.minus(filled);
    const exchangeOrderId = order.exchangeOrderId ?? evidence.exchangeOrderId;
    const known = { executed: executedQuantity.gt(0), known: exchangeOrderId !== null, complete: missing.lte(0) };
    const state = nextState(order.state, evidence.state, known);
    const next: StoredOrder = { ...order, state, executedQuantity, exchangeOrderId };
    this.orders.set(order.clientOrderId, next);
    const trade = tradeAfter(
      null,
      own.map((fill) => ({ fill, position: emptyPosition, pnl: zero, realisedPnl: zero })),
    );
    const lost = this.answerLost;
    if (lost !== null && newFills.length > 0) {
      this.answerLost = null;
      throw lost;
    }
    return { verdict: 'recorded', order: next, newFills, trade, missing, late: null };
  }

  async byExchangeId({ symbol }: TradingPlace, ids: readonly string[]): Promise<readonly StoredOrder[]> {
    return [...this.orders.values()].filter(
      (order) => order.symbol === symbol && order.exchangeOrderId !== null && ids.includes(order.exchangeOrderId),
    );
  }

  async lastTradeId(): Promise<string | null> {
    return null;
  }
}
