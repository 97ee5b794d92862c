/** The strategies that this build knows, by name. A new one is a file and a line here. */
import { bollingerReversion } from './bollinger-reversion.ts';
import { emaCross } from './ema-cross.ts';
import { emaRsi } from './ema-rsi.ts';
import { emaTrendRsi } from './ema-trend-rsi.ts';
import { macdAdx } from './macd-adx.ts';
import { rsi } from './rsi.ts';
import type { Strategy } from './strategy.ts';

export const strategies: readonly Strategy[] = [emaCross, rsi, emaRsi, emaTrendRsi, macdAdx, bollingerReversion];

/** Undefined for a name that is not registered. */
export function findStrategy(name: string): Strategy | undefined {
  return strategies.find((strategy) => strategy.name === name);
}
