/** What risk permits now: the first rule that forbids an entry, with its reason in the trader's words, or null. */
import { quoteText } from './amounts.ts';
import type { BlockingRule, TradingConfig } from './events.ts';
import type { Instrument } from './instrument.ts';
import { pauseOf } from './pause.ts';
import { isFlat } from './position.ts';
import { isClear } from './protect.ts';
import { pauseAt } from './protections.ts';
import type { TradingState } from './state.ts';

export interface Refused {
  readonly rule: BlockingRule;
  readonly reason: string;
}

/**
 * `price` is the close under decision, `atMs` its time. The first rule that forbids the entry is named, in this order: an order or position
 * of the bot, what a person or the engine has closed, the day's rules, and of the bot's pauses the graver one.
 */
export function entryRefusal(
  state: TradingState,
  config: TradingConfig,
  instrument: Instrument,
  price: number,
  atMs: number,
): Refused | null {
  if (state.working !== null) return { rule: 'order-in-flight', reason: `no entry: an order (${state.working.role}) is still in flight` };
  if (!isClear(state.protection) || state.protection.unresolved)
    return { rule: 'protection-open', reason: 'no entry: the stop of the last position is not proven to be over' };
  if (!isFlat(state, instrument, price)) return { rule: 'position-open', reason: 'no entry: a position is open' };
  if (config.direction === 'short') return { rule: 'direction', reason: 'no entry: the bot only goes short, and the signal is to go long' };
  const block = state.blocks[0];
  if (block !== undefined) return { rule: block.rule, reason: `no entry: ${block.reason}` };
  const pause = pauseOf(instrument);
  if (pause !== null) return { rule: 'symbol-not-trading', reason: `no entry: ${pause}` };
  if (state.day.lossReached)
    return {
      rule: 'daily-loss',
      reason: `no entry until the next UTC midnight: the day's loss reached ${config.maxDailyLossPercent ?? 0} % of ${quoteText(state.day.startEquity, instrument)}`,
    };
  if (state.day.targetReached)
    return {
      rule: 'daily-target',
      reason: `no entry until the next UTC midnight: the day's profit of ${quoteText(state.day.realised, instrument)} reached the target`,
    };
  if (config.maxDailyTrades !== null && state.day.entries >= config.maxDailyTrades) {
    return {
      rule: 'max-daily-trades',
      reason: `no entry until the next UTC midnight: ${state.day.entries} of ${config.maxDailyTrades} entries were made today`,
    };
  }
  return pauseAt(state.roundTrips.closed, config.protections, atMs, instrument);
}
