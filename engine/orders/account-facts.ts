/** What orders ask of the exchange account on which they are placed, and the one thing that they tell it. A paper account has none of this. */
import type { Decimal } from 'decimal.js';
import type { ReportedFill } from '../persistence/order-store.ts';
import type { Instrument } from '../trading/instrument.ts';

export interface AccountFacts {
  /** Open orders of the symbol, whoever placed them; null while the exchange has not told them. */
  openOrders(symbol: string): readonly OpenOrder[] | null;
  /** What the account has of the asset, free and locked; null while the exchange has not told it. */
  held(asset: string): Decimal | null;
  /** The fills with the worth of those commissions that are neither in base nor in quote. */
  valued(fills: readonly ReportedFill[], instrument: Instrument): readonly ReportedFill[];
  /** The exchange has an order with our mark that the rows lack: the symbol's orders are compared with the rows. */
  search(symbol: string): void;
}

export interface OpenOrder {
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly algo: boolean;
  /** Base that it may still buy. */
  readonly buys: Decimal;
}
