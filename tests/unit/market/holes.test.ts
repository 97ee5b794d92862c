/** Holes in the venue's own candles: the same rule for an engine that ran through one and one that was started after it. */
import { describe, expect, it } from 'vitest';
import { ScriptedVenue, listen, subscribe } from './scripted-venue.ts';

const slow = { needs: [{ kind: 'ema', period: 26 }], warmUpCandles: 307 } as const;
const fast = { needs: [{ kind: 'ema', period: 5 }], warmUpCandles: 20 } as const;

/** The venue has no candles for a while; the next one is told. */
async function hole(venue: ScriptedVenue, length: number): Promise<void> {
  for (let n = 0; n < length; n += 1) venue.missing.add(await venue.pass(false));
  await venue.pass();
  await venue.clock.advance(200_000);
}

describe('behind a hole in the venue’s candles', () => {
  it('a series begins anew, and is gapped until as many candles stand there as each bot needs', async () => {
    const venue = new ScriptedVenue({ history: 400 });
    const [slowly, fastly] = [listen(venue), listen(venue)];
    const one = await subscribe(venue, slowly, slow);
    const other = await subscribe(venue, fastly, fast);
    await hole(venue, 80);
    expect(slowly.closes).toEqual([480]);
    expect(slowly.views[0]?.current[0]).toBeNaN();
    const openedAfter: Record<string, number> = {};
    for (let candles = 1; candles <= 320; candles += 1) {
      if (one.health === 'live') openedAfter.slow ??= candles;
      if (other.health === 'live') openedAfter.fast ??= candles;
      await venue.pass();
    }
    expect(openedAfter).toEqual({ slow: 307, fast: 20 });
    expect(slowly.health.filter((health) => health !== 'stale')).toEqual(['live', 'gapped', 'live']);
    const first = venue.candle(480).openTime;
    expect(slowly.reasons.at(-2)).toBe(
      `the exchange has a hole in its candles before ${new Date(first).toISOString()}; entries wait for 307 candles behind it, until ${new Date(first + 307 * 60_000).toISOString()}`,
    );
  });

  it('a bot that is started there waits as long as one that ran through it, on the same values', async () => {
    const venue = new ScriptedVenue({ history: 400 });
    const heard = listen(venue);
    const ran = await subscribe(venue, heard, slow);
    await hole(venue, 80);
    for (let candles = 1; candles <= 320; candles += 1) {
      if ([1, 26, 27, 300, 306, 307, 310].includes(candles)) {
        const restarted = new ScriptedVenue({ history: venue.forming });
        for (const index of venue.missing) restarted.missing.add(index);
        const joined = await subscribe(restarted, listen(restarted), slow);
        expect({ candles, health: joined.health, ema: joined.view()?.current[0] }).toEqual({
          candles,
          health: ran.health,
          ema: heard.views.at(-1)?.current[0],
        });
      }
      await venue.pass();
    }
  });

  it('a bot that joins the series later waits by the same rule', async () => {
    const venue = new ScriptedVenue({ history: 400 });
    await subscribe(venue, listen(venue), fast);
    await hole(venue, 3);
    for (let candles = 1; candles < 100; candles += 1) await venue.pass();
    const late = await subscribe(venue, listen(venue), slow);
    expect([late.health, late.reason]).toEqual(['gapped', expect.stringContaining('entries wait for 307 candles behind it')]);
    for (let candles = 100; candles < 307; candles += 1) await venue.pass();
    expect(late.health).toBe('live');
  });

  it('the first candles of a symbol that was just listed are no hole: there is no past that could be missed', async () => {
    const venue = new ScriptedVenue({ history: 12 });
    const joined = await subscribe(venue, listen(venue), slow);
    expect([joined.health, joined.view()?.candle.openTime]).toEqual(['live', venue.candle(11).openTime]);
  });

  it('a symbol whose history was kept long enough forgets the hole', async () => {
    const venue = new ScriptedVenue({ history: 60, limits: { keptCandles: 20 } });
    await subscribe(venue, listen(venue), fast);
    await hole(venue, 3);
    for (let candles = 0; candles < 1_100; candles += 1) await venue.pass();
    // More were kept than asked for, and the oldest of them were let go: what lies before is read again.
    const deep = await subscribe(venue, listen(venue), { needs: [{ kind: 'ema', period: 5 }], warmUpCandles: 1_050 });
    expect([...deep.missedSince(0)].length).toBe(1_049);
    expect(deep.health).toBe('live');
  });

  it('rows off the grid are a hole too, however many there are', async () => {
    const venue = new ScriptedVenue({ history: 1_500, limits: { keptCandles: 400 } });
    for (let index = 90; index < 1_490; index += 1) venue.shifted.add(index);
    const joined = await subscribe(venue, listen(venue), slow);
    expect(joined.health).toBe('gapped');
    expect([...joined.missedSince(0)].length).toBe(9);
  });
});
