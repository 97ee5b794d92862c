/**
 * The conditions of a strategy with their numbers, for those who ask why a bot acted or did not. Decisions are made by `signal`; a test holds
 * both together.
 */

/** One comparison at a close: whether it holds, and a sentence that says so with the values. */
export interface Condition {
  readonly met: boolean;
  readonly text: string;
}

/** The strategy enters when all of `entry` are met, and leaves when all of one of the `exits` are. */
export interface Conditions {
  readonly entry: readonly Condition[];
  readonly exits: readonly (readonly Condition[])[];
}

const relations = {
  above: (a: number, b: number) => a > b,
  below: (a: number, b: number) => a < b,
  'at or above': (a: number, b: number) => a >= b,
  'at or below': (a: number, b: number) => a <= b,
} as const;

export type Relation = keyof typeof relations;

/** A value with its name in the trader's words; NaN while the indicator warms up. */
export interface Named {
  readonly name: string;
  readonly value: number;
}

/** A value after the close and after the one before it. */
export interface Course {
  readonly name: string;
  readonly now: number;
  readonly before: number;
}

export type Direction = 'above' | 'below';

/** Decimals of an oscillator that goes from 0 to 100. */
const levelDecimals = 1;
const priceDigits = 7;
/** What `toFixed` writes at most. */
const decimalsMax = 100;

/** An oscillator against a level: "RSI 61.2 is not below 30". `when` is the close that the value belongs to. */
export function against(level: number, when: 'now' | 'before', relation: Relation, { name, value }: Named): Condition {
  if (Number.isNaN(value)) return unknown(name);
  const [text] = apart(value, level, levelDecimals, () => String(level));
  return told(relations[relation](value, level), when, `${name} ${text}`, relation, String(level));
}

/** Two prices: "fast EMA 20010.12 is not above slow EMA 20015.50". */
export function between(when: 'now' | 'before', one: Named, relation: Relation, other: Named): Condition {
  if (Number.isNaN(one.value)) return unknown(one.name);
  if (Number.isNaN(other.value)) return unknown(other.name);
  const decimals = Math.max(0, priceDigits - 1 - Math.floor(Math.log10(Math.abs(one.value) || 1)));
  const [a, b] = apart(one.value, other.value, decimals, (value, digits) => value.toFixed(digits));
  return told(relations[relation](one.value, other.value), when, `${one.name} ${a}`, relation, `${other.name} ${b}`);
}

/** `one` crossed `other` at this close: on its other side, or level with it, one candle before. */
export function crossed(direction: Direction, one: Course, other: Course): readonly Condition[] {
  return [
    between('before', { name: one.name, value: one.before }, oppositeOf(direction), { name: other.name, value: other.before }),
    between('now', { name: one.name, value: one.now }, direction, { name: other.name, value: other.now }),
  ];
}

/** `one` crossed a level of its scale at this close. */
export function crossedLevel(direction: Direction, level: number, one: Course): readonly Condition[] {
  return [
    against(level, 'before', oppositeOf(direction), { name: one.name, value: one.before }),
    against(level, 'now', direction, { name: one.name, value: one.now }),
  ];
}

function oppositeOf(direction: Direction): Relation {
  return direction === 'above' ? 'at or below' : 'at or above';
}

function told(met: boolean, when: 'now' | 'before', subject: string, relation: Relation, object: string): Condition {
  const verb = when === 'now' ? 'is' : 'one candle before was';
  return { met, text: `${subject} ${verb} ${met ? '' : 'not '}${relation} ${object}` };
}

function unknown(name: string): Condition {
  return { met: false, text: `too few candles yet for ${name}` };
}

/** Both as text, with as many decimals as it takes that the texts compare as the values do. */
function apart(
  value: number,
  other: number,
  decimals: number,
  write: (value: number, decimals: number) => string,
): readonly [string, string] {
  for (let digits = Math.min(decimals, decimalsMax); ; digits += 1) {
    const [a, b] = [value.toFixed(digits), write(other, digits)];
    if (digits >= decimalsMax || Math.sign(Number(a) - Number(b)) === Math.sign(value - other)) return [a, b];
  }
}
