import { describe, expect, it } from 'vitest';
import { Quarantine } from '../../../engine/supervisor/quarantine.ts';

const quarantine = (): Quarantine => new Quarantine(() => 0.999_999);

describe('a bot that crashes', () => {
  it('waits twice as long before each new start, up to a minute', () => {
    const judge = quarantine();
    const waits = [0, 1, 2, 3].map((n) => judge.crashed('1', n * 100_000).notBefore - n * 100_000);
    expect(waits.map((ms) => Math.round(ms / 1_000))).toEqual([1, 2, 4, 8]);
  });

  it('is quarantined by its fifth crash in ten minutes, and stays so until its row is changed', () => {
    const judge = quarantine();
    expect([1, 2, 3, 4].map((n) => judge.crashed('1', n * 1_000).quarantined)).toEqual([false, false, false, false]);
    expect(judge.crashed('1', 5_000).quarantined).toBe(true);
    expect(judge.crashed('1', 5_000_000).quarantined).toBe(true);
    judge.forgive('1');
    expect(judge.verdict('1')).toBeNull();
    expect(judge.crashed('1', 5_000_001).quarantined).toBe(false);
  });

  it('is not quarantined by crashes that lie far apart, nor by those of others', () => {
    const judge = quarantine();
    for (let n = 0; n < 8; n += 1) expect(judge.crashed('1', n * 200_000).quarantined).toBe(false);
    for (let n = 0; n < 4; n += 1) judge.crashed(String(n + 2), 1_600_000);
    expect(judge.verdict('2')?.quarantined).toBe(false);
  });
});
