/** The grid of a step: multiples, whatever the step looks like. */
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ceilToStep, floorToStep, isOnStep } from '../../../engine/trading/exact.ts';

const Wide = Decimal.clone({ precision: 60 });

/** `digits` times ten to the minus `decimals`: powers of ten half of the time. */
const steps = fc
  .tuple(fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 5_000 })), fc.integer({ min: -3, max: 18 }))
  .map(([digits, decimals]) => new Wide(digits).times(new Wide(10).pow(-decimals)));
const values = fc
  .tuple(fc.bigInt({ min: -(10n ** 22n), max: 10n ** 22n }), fc.integer({ min: 0, max: 18 }))
  .map(([digits, decimals]) => new Wide(digits.toString()).times(new Wide(10).pow(-decimals)));

/** By whole numbers: both as multiples of 10^-18. */
const units = (value: Decimal): bigint => BigInt(value.times('1e18').toFixed(0));
const floored = (value: bigint, step: bigint): bigint => value - (((value % step) + step) % step);

describe('the grid of a step', () => {
  it('has the multiples below and above a value, and the value itself when it is one', () => {
    fc.assert(
      fc.property(values, steps, (value, step) => {
        const [at, by] = [units(value), units(step)];
        const below = floored(at, by);
        expect(units(floorToStep(value, step))).toBe(below);
        expect(units(ceilToStep(value, step))).toBe(below === at ? at : below + by);
        expect(isOnStep(value, step)).toBe(below === at);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(['0.00001', '0.00000001', '1', '10', '0.05', '0.0000007'])('of %s holds its own multiples and nothing between them', (text) => {
    const step = new Decimal(text);
    expect(isOnStep(step.times(3), step)).toBe(true);
    expect(isOnStep(step.times('2.5'), step)).toBe(false);
    expect(floorToStep(step.times('2.5'), step).toFixed()).toBe(step.times(2).toFixed());
    expect(ceilToStep(step.times('2.5'), step).toFixed()).toBe(step.times(3).toFixed());
  });

  it('is switched off by a step of 0', () => {
    const value = new Decimal('1.23456789');
    const off = new Decimal(0);
    expect([isOnStep(value, off), floorToStep(value, off).toFixed(), ceilToStep(value, off).toFixed()]).toEqual([
      true,
      '1.23456789',
      '1.23456789',
    ]);
  });
});
