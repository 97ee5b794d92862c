import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../../engine/observe/metrics.ts';
import { createFollowedVenueClock, createMeasuredVenueClock } from '../../../engine/time/venue-clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const parts = { log: pino({ level: 'silent' }), metrics: createMetrics() };

describe('a measured venue clock', () => {
  it('is the host’s clock and the median offset, round trips halved', async () => {
    const clock = new FakeClock();
    const offsets = [700, 710, 690, 9_000, 705];
    const venue = createMeasuredVenueClock({
      ...parts,
      clock,
      serverTime: async () => {
        await clock.sleep(100);
        return clock.now() - 50 + (offsets.shift() ?? 700);
      },
    });
    const started = venue.start();
    await clock.advance(500);
    await started;
    expect(venue.now() - clock.now()).toBe(705);
    venue.stop();
  });

  it('is trusted while its samples agree and are recent', async () => {
    const clock = new FakeClock();
    let failing = false;
    const venue = createMeasuredVenueClock({
      ...parts,
      clock,
      serverTime: async () => (failing ? Promise.reject(new Error('down')) : clock.now() + 3_000),
    });
    expect(venue.trusted).toBe(false);
    await venue.start();
    expect(venue.trusted).toBe(true);
    failing = true;
    await clock.advance(590_000);
    expect(venue.trusted).toBe(true);
    await clock.advance(20_000);
    expect(venue.trusted).toBe(false);
    venue.stop();
  });

  it('measures anew when it is told to, once for all who ask at the same time', async () => {
    const clock = new FakeClock();
    let offset = 0;
    let asked = 0;
    const venue = createMeasuredVenueClock({
      ...parts,
      clock,
      serverTime: async () => {
        asked += 1;
        return clock.now() + offset;
      },
    });
    await venue.start();
    offset = 5_000;
    asked = 0;
    await Promise.all([venue.resync(), venue.resync()]);
    expect(venue.now() - clock.now()).toBe(5_000);
    expect(asked).toBe(5);
    venue.stop();
  });

  it('is not trusted while its samples disagree', async () => {
    const clock = new FakeClock();
    let sample = 0;
    const venue = createMeasuredVenueClock({ ...parts, clock, serverTime: async () => clock.now() + (sample++ % 2) * 2_000 });
    await venue.start();
    expect(venue.trusted).toBe(false);
    venue.stop();
  });
});

describe('a followed venue clock', () => {
  it('goes with whatever the venue told last, and stands soon when the venue stands', async () => {
    const clock = new FakeClock();
    const venue = createFollowedVenueClock({ ...parts, clock, serverTime: async () => 1_000_000 });
    expect(venue.trusted).toBe(false);
    await venue.start();
    expect([venue.trusted, venue.now()]).toEqual([true, 1_000_000]);
    await clock.advance(300);
    expect(venue.now()).toBe(1_000_300);
    await clock.advance(60_000);
    expect(venue.now()).toBe(1_000_500);
    venue.saw(1_060_000);
    expect(venue.now()).toBe(1_060_000);
    venue.saw(5);
    expect(venue.now()).toBe(1_060_000);
    venue.stop();
  });

  it('asks the venue before something is judged by it', async () => {
    const clock = new FakeClock();
    let told = 1_000;
    const venue = createFollowedVenueClock({ ...parts, clock, serverTime: async () => told });
    await venue.start();
    told = 90_000;
    await venue.refresh();
    expect(venue.now()).toBe(90_000);
    told = 150_000;
    await venue.resync();
    expect(venue.now()).toBe(150_000);
    venue.stop();
  });
});
