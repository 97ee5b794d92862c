/** How an order begins: its intent for the rows, and what this process follows until it is over. */
import type { SignedWindow } from '../exchanges/exchange.ts';
import type { Intent } from '../persistence/commit-intents.ts';
import type { VenueClock } from '../time/clock.ts';
import { entryReservation } from '../trading/capital.ts';
import type { OrderRole } from '../trading/events.ts';
import type { SelfTradePrevention } from '../trading/instrument.ts';
import { saleBoundsOf } from '../trading/position.ts';
import { formatClientOrderId } from './client-order-id.ts';
import type { BotLink, LiveOrder, OrderLine } from './order-line.ts';

type Draft = Pick<Intent, 'role' | 'side' | 'type' | 'quantity' | 'price' | 'stopPrice' | 'slot'>;
type Decided = Pick<Intent, 'decisionMs' | 'referencePrice' | 'reason'> & Partial<Pick<Intent, 'exitKind'>>;

/** The intent of the line's next order of this decision and role. */
export function intentOf(line: OrderLine, decided: Decided, draft: Draft, signed: SignedWindow): Intent {
  const { botId, userId, epoch, venue, mode, account, installation } = line.link;
  const instrument = line.link.instrument();
  const { market, symbol, quoteAsset } = instrument;
  const { decisionMs, referencePrice, reason } = decided;
  const { role } = draft;
  const attempt = line.nextAttempt(role, decisionMs);
  return {
    botId,
    userId,
    epoch,
    venue,
    account: account.name,
    market,
    symbol,
    clientOrderId: formatClientOrderId({ installation, botId, decisionMs, role, attempt }),
    decisionMs,
    role,
    exitKind: decided.exitKind ?? null,
    attempt,
    side: draft.side,
    type: draft.type,
    quantity: draft.quantity,
    price: draft.price,
    stopPrice: draft.stopPrice,
    slot: draft.slot,
    // A paper bot has an account of its own.
    reservation: role === 'entry' && mode === 'live' ? entryReservation(draft.quantity, referencePrice, quoteAsset) : null,
    saleBounds: role === 'entry' ? saleBoundsOf(instrument) : null,
    referencePrice,
    reason,
    signedTimestampMs: signed.timestampMs,
    recvWindowMs: signed.recvWindowMs,
  };
}

/** The signature's time, and a window that ends before the lock does. */
export function signedWindow(
  link: Pick<BotLink, 'leaseLeftMs'>,
  { venueClock, recvWindowMs }: { readonly venueClock: Pick<VenueClock, 'now'>; readonly recvWindowMs: number },
): SignedWindow {
  const leaseLeftMs = link.leaseLeftMs();
  return {
    timestampMs: Math.floor(venueClock.now()),
    recvWindowMs: leaseLeftMs === null ? recvWindowMs : Math.max(100, Math.min(recvWindowMs, Math.floor(leaseLeftMs - 2 * skewBoundMs))),
  };
}

type Known = Pick<
  LiveOrder,
  'clientOrderId' | 'symbol' | 'role' | 'decisionMs' | 'signedTimestampMs' | 'quantity' | 'price' | 'stopPrice' | 'slot'
> & { readonly exchangeOrderId?: string | null };

/** An order that is open from `at` (monotonic) on. */
export function openedAt(
  at: number,
  known: Known,
  recvWindowMs: number,
  { awaitingAnswer, instrument }: Pick<LiveOrder, 'awaitingAnswer' | 'instrument'> = { awaitingAnswer: false, instrument: null },
): LiveOrder {
  const { clientOrderId, symbol, role, decisionMs, signedTimestampMs, quantity, price, stopPrice, slot } = known;
  return {
    clientOrderId,
    symbol,
    role,
    decisionMs,
    signedTimestampMs,
    quantity,
    price,
    stopPrice,
    slot,
    instrument,
    openSince: at,
    acceptedUntil: at + recvWindowMs + skewBoundMs,
    exchangeOrderId: known.exchangeOrderId ?? null,
    executedQuantity: null,
    negativeRounds: 0,
    probes: 0,
    probeScheduled: false,
    awaitingAnswer,
    resting: false,
    gone: false,
    deniedSince: null,
  };
}

/**
 * Which order expires when an order of ours would trade with another one of the same account. If ours is an entry, it expires itself:
 * the other one may be a bot's target (and the target's stop would end with it) or a person's order. If ours closes a position, the other one
 * expires, or the position would stay without an end to its loss. (Binance goes by the order that comes later; what rests does not count.)
 */
export function preventionOf(role: OrderRole): SelfTradePrevention {
  return role === 'entry' ? 'EXPIRE_TAKER' : 'EXPIRE_MAKER';
}

/** How far the venue's clock and ours may disagree while entries are allowed (engine/time/venue-clock.ts). */
export const skewBoundMs = 1_000;

export function refusedByDatabase(orders: readonly LiveOrder[]): Error {
  const names = orders.map((order) => `${order.clientOrderId} (${order.role})`).join(' and ');
  return new Error(
    `order ${names} was refused by the database: an unresolved order of this role or this very decision exists already; the bot is rebuilt from its rows`,
  );
}
