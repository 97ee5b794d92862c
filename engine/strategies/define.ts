/**
 * How a strategy is written. Its parameters and indicators get names: `needs` names the indicators, and `signal` reads their
 * outputs under these names. The values are read from flat arrays without allocating anything, because thousands of bots ask at each close.
 */
import type { Candle } from '../trading/candle.ts';
import type { Conditions } from './conditions.ts';
import { indicatorOutputs, warmUpOf } from '../indicators/need.ts';
import type { IndicatorKind, IndicatorNeed } from '../indicators/need.ts';
import { classic, isClassic } from './parameters.ts';
import type { ParameterFields, ParameterProblem, Signal, Strategy } from './strategy.ts';

/** Indicators by the names under which the strategy reads them. */
export type NamedNeeds = Readonly<Record<string, IndicatorNeed>>;

export type ParametersOf<Fields extends ParameterFields> = { readonly [Name in keyof Fields]: number };

type Outputs = typeof indicatorOutputs;

/** One number where the indicator has one output, else its outputs by name. */
export type ValueOf<Kind extends IndicatorKind> = Outputs[Kind] extends readonly ['value']
  ? number
  : { readonly [Output in Outputs[Kind][number]]: number };

export type ValuesOf<Needs extends NamedNeeds> = { readonly [Name in keyof Needs]: ValueOf<Needs[Name]['kind']> };

/** What a strategy reads at a close. Values are NaN while their indicator warms up. Valid during the call only. */
export interface Reading<Needs extends NamedNeeds> {
  readonly candle: Candle;
  /** After this close. */
  readonly now: ValuesOf<Needs>;
  /** After the close before it. */
  readonly before: ValuesOf<Needs>;
}

/** The same close when somebody asks about it later. Of its candle only the close is kept: what `signal` tests, these values must show. */
export interface KeptReading<Needs extends NamedNeeds> extends Pick<Reading<Needs>, 'now' | 'before'> {
  readonly close: number;
}

export interface StrategyDefinition<Fields extends ParameterFields, Needs extends NamedNeeds> {
  /** Unique; snake case, as `bot_configs.strategy` names it. */
  readonly name: string;
  /** When it enters and leaves, in one sentence; the API shows it. */
  readonly summary: string;
  readonly parameters: Fields;
  /** Problems of a combination that no single bound shows. */
  check?(parameters: ParametersOf<Fields>): readonly ParameterProblem[];
  /** Names and kinds must not depend on the parameters; periods may. */
  needs(parameters: ParametersOf<Fields>): Needs;
  /** Answers constant signals. A comparison with NaN is false: write conditions so that false means hold. */
  signal(reading: Reading<Needs>, parameters: ParametersOf<Fields>): Signal;
  /** The conditions that `signal` tests, with their numbers: all of `entry` are met exactly when it enters. Only for explanations. */
  explain(reading: KeptReading<Needs>, parameters: ParametersOf<Fields>): Conditions;
}

/** Stands in the reading before the first call. */
const noCandle: Candle = { openTime: 0, closeTime: -1, open: 0, high: 0, low: 0, close: 0, volume: 0, closed: false };

/** Throws when a classic parameter is declared anew: its column has one meaning for all strategies. */
export function defineStrategy<const Fields extends ParameterFields, const Needs extends NamedNeeds>(
  definition: StrategyDefinition<Fields, Needs>,
): Strategy {
  const { name, summary, parameters } = definition;
  for (const [parameter, field] of Object.entries(parameters))
    if (isClassic(parameter) && field !== classic[parameter])
      throw new Error(`strategy ${name} declares ${parameter} anew; take classic.${parameter}, or give the parameter another name`);

  // Whoever calls gives at least the declared parameters.
  type Given = ParametersOf<Fields>;
  const defaults = Object.fromEntries(Object.entries(parameters).map(([parameter, field]) => [parameter, field.default])) as Given;
  const layout = definition.needs(defaults);
  const now = columnsOf(layout);
  const before = columnsOf(layout);
  const warming = warmingSignals(layout);
  const reading = { candle: noCandle, now: now.values, before: before.values };

  return {
    name,
    summary,
    parameters,
    check: (given) => definition.check?.(given as Given) ?? [],
    needs: (given) => needsOf(name, layout, definition.needs(given as Given)),
    warmUpCandles: (given) => Math.max(...Object.values(definition.needs(given as Given)).map(warmUpOf)),
    signal(input, given) {
      now.point(input.current);
      before.point(input.previous);
      reading.candle = input.candle;
      const signal = definition.signal(reading, given as Given);
      return signal.action === 'hold' ? (missing(input.previous, warming) ?? signal) : signal;
    },
    explain({ close, current, previous }, given) {
      now.point(current);
      before.point(previous);
      return definition.explain({ close, now: now.values, before: before.values }, given as Given);
    },
  };
}

interface Columns<Needs extends NamedNeeds> {
  /** Reads from the row that was pointed at last. */
  readonly values: ValuesOf<Needs>;
  point(row: ArrayLike<number>): void;
}

interface Source {
  row: ArrayLike<number>;
}

function columnsOf<Needs extends NamedNeeds>(layout: Needs): Columns<Needs> {
  const source: Source = { row: [] };
  const numbers = new Map<string, number>();
  const groups = new Map<string, object>();
  let slot = 0;
  for (const [name, { kind }] of Object.entries(layout)) {
    const outputs: readonly string[] = indicatorOutputs[kind];
    const first = slot;
    if (outputs.length === 1) numbers.set(name, first);
    else groups.set(name, reader(source, new Map(outputs.map((output, index) => [output, first + index]))));
    slot += outputs.length;
  }
  return {
    // Made from the layout just now.
    values: Object.assign(reader(source, numbers), Object.fromEntries(groups)) as ValuesOf<Needs>,
    point: (row) => {
      source.row = row;
    },
  };
}

const sourceOf = Symbol('source');

/** An object with a number under each name. The getters stand on a prototype because V8 inlines them there: a read is then as cheap as an index. */
function reader(source: Source, slots: ReadonlyMap<string, number>): object {
  class Reader {
    readonly [sourceOf] = source;
  }
  for (const [name, slot] of slots)
    Object.defineProperty(Reader.prototype, name, {
      get(this: Reader) {
        return this[sourceOf].row[slot] ?? Number.NaN;
      },
    });
  return new Reader();
}

/** Reasons of a hold while an indicator has no value yet, one per indicator: the strategy's own reason would not be true then. */
function warmingSignals(layout: NamedNeeds): readonly Signal[] {
  return Object.entries(layout).flatMap(([name, { kind }]) => {
    const signal: Signal = { action: 'hold', reason: `too few candles yet for the indicator "${name}"` };
    return indicatorOutputs[kind].map(() => signal);
  });
}

/** A value that was there at the close before is there now. */
function missing(previous: ArrayLike<number>, warming: readonly Signal[]): Signal | undefined {
  for (let slot = 0; slot < warming.length; slot += 1) if (Number.isNaN(previous[slot] ?? Number.NaN)) return warming[slot];
  return undefined;
}

/** In the order of the layout. */
function needsOf(strategy: string, layout: NamedNeeds, needs: NamedNeeds): readonly IndicatorNeed[] {
  if (Object.keys(needs).length !== Object.keys(layout).length) throw changedNeeds(strategy);
  return Object.entries(layout).map(([name, { kind }]) => {
    const need = needs[name];
    if (need?.kind !== kind) throw changedNeeds(strategy);
    return need;
  });
}

function changedNeeds(strategy: string): Error {
  return new Error(`strategy ${strategy} names other indicators for some parameters; names and kinds must always be the same`);
}
