/**
 * Books new fills: each gets a row, and the position and the order's trade row are brought up to date. The unique key of an execution is
 * its order and the exchange's trade id (two orders of ours that match each other share the trade id).
 */
import type { EntityManager } from '@mikro-orm/postgresql';
import { Fill as FillRow, Trade } from '../../entities/index.ts';
import type { BotState, Order } from '../../entities/index.ts';
import type { Fill } from '../trading/events.ts';
import { exact, toRowScale, zero } from '../trading/exact.ts';
import { applyFill, commissionOf } from '../trading/position.ts';
import type { Booked } from '../trading/position.ts';
import type { ExecutionEvidence, OrderTrade, ReportedFill } from './order-store.ts';
import { readSaleBounds, readStateData, writePosition } from './state-data.ts';

export interface BookedFill extends Booked {
  readonly fill: Fill;
}

/** What the rows have of some orders, by their ids; it grows with what is booked. */
export interface BookedRows {
  /** Exchange trade ids. */
  readonly fills: Map<string, Set<string>>;
  readonly trades: Map<string, Trade>;
}

/** What the rows have of these orders: their trade rows, and which of the executions. */
export async function readBooked(em: EntityManager, orders: readonly Order[], tradeIds: readonly string[]): Promise<BookedRows> {
  const booked: BookedRows = { fills: new Map(orders.map(({ id }) => [id, new Set()])), trades: new Map() };
  if (orders.length === 0) return booked;
  const order = { $in: orders.map(({ id }) => id) };
  const fills = tradeIds.length === 0 ? [] : await em.find(FillRow, { order, exchangeTradeId: { $in: [...tradeIds] } });
  for (const fill of fills) booked.fills.get(fill.order.id)?.add(fill.exchangeTradeId);
  for (const trade of await em.find(Trade, { order })) booked.trades.set(trade.order.id, trade);
  return booked;
}

/** Makes rows for the fills that are not there yet and carries the bot's position forward. Oldest first. */
export function bookFills(
  em: EntityManager,
  order: Order,
  state: BotState,
  evidence: ExecutionEvidence,
  now: Date,
  rows: BookedRows,
): readonly BookedFill[] {
  if (evidence.fills.length === 0) return [];
  const knownIds = rows.fills.get(order.id) ?? new Set<string>();
  const fresh = [...new Map(evidence.fills.map((fill) => [fill.tradeId, fill])).values()]
    .filter((fill) => !knownIds.has(fill.tradeId))
    .sort(byTime);
  if (fresh.length === 0) return [];

  const data = readStateData(state.stateData);
  let { position, realisedTotal } = data;
  const booked = fresh.map((reported): BookedFill => {
    const commission = commissionOf(reported, evidence.instrument);
    const fill: Fill = {
      tradeId: reported.tradeId,
      clientOrderId: order.clientOrderId,
      role: order.role,
      exitKind: order.exitKind ?? null,
      side: order.side,
      price: reported.price,
      quantity: reported.quantity,
      commission: reported.commission,
      commissionAsset: reported.commissionAsset,
      commissionWorth: commission.inQuote,
      saleBounds: readSaleBounds(order.saleBounds ?? null),
      atMs: reported.atMs,
    };
    const result = applyFill(position, fill, evidence.instrument);
    position = result.position;
    realisedTotal = exact(realisedTotal).plus(result.realisedPnl);
    knownIds.add(reported.tradeId);
    em.create(FillRow, {
      botConfig: order.botConfig,
      order,
      venue: order.venue,
      market: order.market,
      symbol: order.symbol,
      exchangeTradeId: reported.tradeId,
      clientOrderId: order.clientOrderId,
      role: order.role,
      side: order.side,
      price: reported.price,
      quantity: reported.quantity,
      commissionAmount: reported.commission,
      commissionAsset: reported.commissionAsset,
      baseCommission: commission.inBase,
      quoteCommission: commission.inQuote,
      isMaker: reported.isMaker,
      source: evidence.source,
      executedAt: new Date(reported.atMs),
      createdAt: now,
    });
    return { ...result, fill };
  });
  state.stateData = {
    ...state.stateData,
    position: writePosition(position),
    realisedTotal: realisedTotal.toFixed(),
    funds: { account: order.account, asset: evidence.instrument.quoteAsset },
  };
  state.version += 1;
  state.updatedAt = now;
  return booked;
}

/** Exchange trade ids count up; executions of one moment keep their order by them. */
function byTime(a: ReportedFill, b: ReportedFill): number {
  return a.atMs - b.atMs || a.tradeId.length - b.tradeId.length || (a.tradeId < b.tradeId ? -1 : 1);
}

/** What an order has traded, after the booked fills; null when it has traded nothing. */
export function tradeAfter(before: OrderTrade | null, booked: readonly BookedFill[]): OrderTrade | null {
  let trade = before;
  for (const { fill, pnl, realisedPnl } of booked) {
    const commissionAsset = trade?.commissionAsset ?? fill.commissionAsset;
    const commission = fill.commissionAsset === commissionAsset ? fill.commission : zero;
    trade = {
      quantity: exact(trade?.quantity ?? 0).plus(fill.quantity),
      quote: exact(trade?.quote ?? 0).plus(exact(fill.quantity).times(fill.price)),
      commission: exact(trade?.commission ?? 0).plus(commission),
      commissionAsset,
      pnl: exact(trade?.pnl ?? 0).plus(pnl),
      realisedPnl: exact(trade?.realisedPnl ?? 0).plus(realisedPnl),
    };
  }
  return trade;
}

/** Grows the order's trade row by the booked fills. */
export function bookTrade(em: EntityManager, order: Order, booked: readonly BookedFill[], rows: BookedRows): OrderTrade | null {
  const row = rows.trades.get(order.id) ?? null;
  const before = row === null ? null : tradeOf(row);
  const trade = tradeAfter(before, booked);
  const last = booked.at(-1);
  if (trade === null || last === undefined) return before;
  const values = {
    price: toRowScale(trade.quote.div(trade.quantity)),
    quantityFilled: trade.quantity,
    quoteQuantityFilled: trade.quote,
    commissionAmount: trade.commission,
    commissionAsset: trade.commissionAsset,
    pnl: trade.pnl,
    realizedPnl: trade.realisedPnl,
    timestamp: new Date(last.fill.atMs),
  };
  if (row !== null) Object.assign(row, values);
  else {
    const made = em.create(Trade, {
      ...values,
      botConfig: order.botConfig,
      user: order.user,
      order,
      venue: order.venue,
      account: order.account,
      market: order.market,
      // The exchange sends its order id with every fill, so it is known here.
      binanceOrderId: order.exchangeOrderId ?? order.clientOrderId,
      symbol: order.symbol,
      side: order.side,
      orderType: order.type,
    });
    rows.trades.set(order.id, made);
  }
  return trade;
}

function tradeOf(row: Trade): OrderTrade {
  return {
    quantity: row.quantityFilled,
    quote: row.quoteQuantityFilled,
    commission: row.commissionAmount,
    commissionAsset: row.commissionAsset,
    pnl: row.pnl,
    realisedPnl: row.realizedPnl,
  };
}
