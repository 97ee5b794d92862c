/** Judges an OCO list: two legs on opposite sides of the market, at least one of them contingent, paid for once. */
import { isContingent } from '../trading/instrument.ts';
import type { OrderType } from '../trading/instrument.ts';
import { type Account, bookOf } from './accounts.ts';
import { type Candidate, canPay, judgeEntry, judgeRequest } from './admission.ts';
import type { BookRefusal, OcoRequest, PriceTick } from './matching.ts';
import * as refusals from './refusals.ts';
import type { SymbolMarket } from './symbol-market.ts';

export type JudgedOco =
  | { readonly ok: true; readonly legs: readonly [Candidate, Candidate]; readonly tick: PriceTick }
  | { readonly ok: false; readonly refusal: BookRefusal };

const isStop = (type: OrderType): boolean => type === 'STOP_LOSS' || type === 'STOP_LOSS_LIMIT';
const isTarget = (type: OrderType): boolean => type === 'TAKE_PROFIT' || type === 'TAKE_PROFIT_LIMIT';

export function judgeOco(account: Account, market: SymbolMarket, request: OcoRequest, atMs: number): JudgedOco {
  const { above, below, side, symbol, quantity } = request;
  const misplaced = market.instrument.ocoAllowed ? misplacedLeg(request) : refusals.ocoNotSupported;
  if (misplaced !== null) return { ok: false, refusal: misplaced };
  const adds = { orders: 2, lists: 1, algoOrders: [above, below].filter((leg) => isContingent(leg.type)).length };
  const book = bookOf(account, symbol);
  const candidates: Candidate[] = [];
  for (const leg of [below, above]) {
    const judged = judgeRequest(account, market, { ...leg, symbol, side, quantity }, adds, atMs);
    if (!judged.ok) return judged;
    candidates.push(judged.value);
  }
  const [first, second] = candidates;
  const tick = market.last;
  if (first === undefined || second === undefined || tick === null) return { ok: false, refusal: refusals.marketClosed };
  if (account.openListIds.has(request.listClientOrderId) || first.clientOrderId === second.clientOrderId)
    return { ok: false, refusal: refusals.duplicateOrder };
  for (const candidate of [first, second]) {
    const refusal = judgeEntry(book, market, candidate, tick);
    if (refusal !== null) return { ok: false, refusal };
  }
  if (!standsApart(first, second, tick)) return { ok: false, refusal: refusals.wrongPriceRelation };
  const cost = first.cost.gt(second.cost) ? first.cost : second.cost;
  return canPay(account, market, side, cost)
    ? { ok: true, legs: [first, second], tick }
    : { ok: false, refusal: refusals.insufficientBalance };
}

function misplacedLeg({ above, below, side }: OcoRequest): BookRefusal | null {
  for (const type of [above.type, below.type]) if (type === 'MARKET' || type === 'LIMIT') return refusals.ocoTypeNotSupported;
  if (above.type === 'LIMIT_MAKER' && below.type === 'LIMIT_MAKER') return refusals.bothOcoOrdersLimit;
  if (side === 'SELL') {
    if (below.type === 'LIMIT_MAKER') return refusals.sellOcoLimitMustBeAbove;
    if (isStop(above.type)) return refusals.sellOcoStopMustBeBelow;
    return isTarget(below.type) ? refusals.sellOcoTakeProfitMustBeAbove : null;
  }
  if (above.type === 'LIMIT_MAKER') return refusals.buyOcoLimitMustBeBelow;
  if (isStop(below.type)) return refusals.buyOcoStopMustBeAbove;
  return isTarget(above.type) ? refusals.buyOcoTakeProfitMustBeBelow : null;
}

/** The leg below lies below the last price and the one above it above. */
function standsApart(below: Candidate, above: Candidate, tick: PriceTick): boolean {
  const lower = below.stopPrice ?? (below.trailingDelta === null ? below.price : null);
  const upper = above.stopPrice ?? (above.trailingDelta === null ? above.price : null);
  return (lower === null || lower.lt(tick.price)) && (upper === null || upper.gt(tick.price));
}
