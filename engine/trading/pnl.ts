/** Equity and what of it is free, as `initial_capital` means it: budget + realised + unrealised; dust included. */
import type { Decimal } from 'decimal.js';
import type { TradingConfig } from './events.ts';
import { exact } from './exact.ts';
import type { Instrument } from './instrument.ts';
import { figuresOf } from './position.ts';
import type { TradingState } from './state.ts';

type Held = Pick<TradingState, 'position' | 'realisedTotal'>;

/** Quote that is not bound in the position: what the bot may still commit. */
export function uncommitted(state: Held, config: TradingConfig): Decimal {
  return exact(config.initialCapital).plus(state.realisedTotal).minus(state.position.cost).minus(state.position.entryFees);
}

/** Equity in quote at `price`, exact. A price of NaN values the position at what was spent on it. */
export function equityAt(state: Held, config: TradingConfig, price: number): Decimal {
  const free = uncommitted(state, config);
  if (Number.isNaN(price)) return free.plus(state.position.cost).plus(state.position.entryFees);
  return free.plus(exact(state.position.quantity).times(price));
}

/** Equity as a float, cheap enough for every price. */
export function roughEquityAt(state: Held, config: TradingConfig, instrument: Instrument, price: number): number {
  const { quantity, spent } = figuresOf(state.position, instrument);
  const unrealised = Number.isNaN(price) ? 0 : quantity * price - spent;
  return config.initialCapital.toNumber() + state.realisedTotal.toNumber() + unrealised;
}
