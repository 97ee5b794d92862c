/** One verdict as a sentence that a trader understands, with the numbers behind it. Worked out when somebody asks, never before. */
import type { DecisionRow, DecisionSettings } from '../engine/persistence/decision-store.ts';
import type { Conditions } from '../engine/strategies/conditions.ts';
import { outputNames } from '../engine/indicators/need.ts';
import { findStrategy } from '../engine/strategies/registry.ts';
import type { Strategy } from '../engine/strategies/strategy.ts';

/** What the strategy tested at that close; null when this build does not know the strategy as it was then. */
export function conditionsOf({ settings, values, close }: DecisionRow): Conditions | null {
  const { parameters, indicators } = settings;
  const strategy = findStrategy(settings.strategy);
  if (strategy === undefined || !readsAsRecorded(strategy, settings)) return null;
  const input = { close, current: values.slice(0, indicators.length), previous: values.slice(indicators.length) };
  return strategy.explain(input, parameters);
}

/** This build's strategy may have other parameters or indicators than at that close: old values must not be shown under new names. */
function readsAsRecorded(strategy: Strategy, { parameters, indicators }: DecisionSettings): boolean {
  if (!Object.keys(strategy.parameters).every((name) => Object.hasOwn(parameters, name))) return false;
  const names = strategy.needs(parameters).flatMap(outputNames);
  return names.length === indicators.length && names.every((name, slot) => name === indicators[slot]);
}

/** Begins with what happened: `entered`, `left`, `no entry` or `no exit`. */
export function sentenceOf(row: DecisionRow, conditions: Conditions | null): string {
  const { outcome, signal, reason } = row;
  switch (outcome) {
    case 'entered':
      return `entered: ${signal.reason}${numbers(conditions?.entry.map(({ text }) => text))}`;
    case 'exited': {
      const met = conditions?.exits.find((exit) => exit.every((condition) => condition.met));
      const bySignal = signal.action === 'exit' && (reason === null || reason === signal.reason);
      return `left: ${reason ?? signal.reason}${bySignal ? numbers(met?.map(({ text }) => text)) : ''}`;
    }
    case 'nothing':
      return nothingDone(row, conditions);
    default:
      return outcome satisfies never;
  }
}

function nothingDone({ rule, signal, reason, positionOpen }: DecisionRow, conditions: Conditions | null): string {
  switch (rule) {
    case 'no-signal': {
      if (positionOpen) return `no exit: ${conditions === null ? signal.reason : missingExit(conditions)}`;
      const missing = conditions?.entry.filter(({ met }) => !met).map(({ text }) => text);
      const besides = reason === null ? '' : `; besides, entries are closed: ${reason}`;
      return `no entry: ${missing === undefined ? signal.reason : joined(missing)}${besides}`;
    }
    case 'no-position':
      return `no entry: the strategy says to leave (${signal.reason}), and there is no position`;
    case 'stale-close':
      return `no entry: ${signal.reason}, but the candle had closed too long before the bot heard of it`;
    case 'exit-in-progress':
      return `no entry: the position is being closed (${reason ?? signal.reason})`;
    case 'decided-before':
      return `no entry: this close was decided on before (${signal.reason})`;
    default:
      // The rules that close entries say "no entry" themselves, with the signal; a strategy that was not asked says why.
      return reason ?? `no entry: ${signal.reason}`;
  }
}

/** Of each way out, the first thing that is missing. */
function missingExit({ exits }: Conditions): string {
  return joined(exits.flatMap((exit) => exit.filter(({ met }) => !met).slice(0, 1)).map(({ text }) => text));
}

/** Each text once: several conditions may lack the same indicator. */
function joined(texts: readonly string[]): string {
  return [...new Set(texts)].join('; ');
}

function numbers(texts: readonly string[] | undefined): string {
  return texts === undefined || texts.length === 0 ? '' : ` (${texts.join('; ')})`;
}
