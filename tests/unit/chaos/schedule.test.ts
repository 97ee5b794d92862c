import { describe, expect, it } from 'vitest';
import { drawSchedule, allCrashPoints } from '../../chaos/schedule.ts';

const draw = (seed: number) => drawSchedule({ seed, lockTtlMs: 4_000, lastsMs: 3_500, faults: 8 });

describe('a schedule', () => {
  it('comes from its seed alone', () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('arms every crash point within as many seeds as there are', () => {
    const armed = allCrashPoints.map(
      (_, seed) =>
        draw(seed)
          .crashAt.find((point) => point !== null)
          ?.split(':')[0],
    );
    expect(new Set(armed)).toEqual(new Set(allCrashPoints));
  });

  it('has every kind of fault within 300 seeds', () => {
    const kinds = new Set(Array.from({ length: 300 }, (_, seed) => draw(seed).faults.map(({ fault }) => fault.kind)).flat());
    expect([...kinds].sort()).toEqual(
      [
        'engine-killed',
        'engine-paused',
        'engine-terminated',
        'exchange',
        'link',
        'link-ended',
        'orders-doomed',
        'postgres-backends-terminated',
        'postgres-stopped-immediately',
        'redis-flushed',
        'redis-killed',
      ].sort(),
    );
  });
});
