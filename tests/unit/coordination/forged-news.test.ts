/** Messages over Redis may be forged: impossible ones are ignored, and the others delay nothing for long. */
import { describe, expect, it } from 'vitest';
import { readNews, readSilence, silenceMsMax } from '../../../engine/coordination/budget-news.ts';
import { createOrderCount } from '../../../engine/coordination/order-budget.ts';
import type { OrderCountNews } from '../../../engine/coordination/order-budget.ts';
import { createVenueBudget, isSharedLimit } from '../../../engine/coordination/weight-budget.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const limits = [
  { windowMs: 10_000, limit: 100 },
  { windowMs: 86_400_000, limit: 200_000 },
];
const at = 1_700_000_000_000;
const index = (windowMs: number, atMs = at): number => Math.floor(atMs / windowMs);
const silence = { kind: 'silence', from: 'b', venue: 'v', leftMs: 1_000, reason: 'HTTP 429' };
const orders: OrderCountNews = { inFlight: 2, windows: [[10_000, index(10_000), 50, at]], pause: null };
const text = (change: object, base: object = silence): string => JSON.stringify({ ...base, ...change });

describe('news', () => {
  it('are read as they are written', () => {
    expect(readNews(text({}))).toEqual(silence);
    const news = {
      kind: 'orders',
      from: 'b',
      venue: 'v',
      account: 'a',
      orders: { ...orders, pause: { windowMs: 10_000, untilVenueMs: at } },
    };
    expect(readNews(text({}, news))).toEqual(news);
  });

  it.each([
    ['an endless silence', text({}).replace('1000', '1e300')],
    ['a silence beyond the longest ban', text({ leftMs: silenceMsMax + 1 })],
    ['one that is over', text({ leftMs: -1 })],
    ['one of no length', text({ leftMs: null })],
    ['one of another type', text({ leftMs: '1000' })],
    ['one without venue', text({ venue: undefined })],
    ['one of nobody', text({ from: '' })],
    ['one of another kind', text({ kind: 'noise' })],
    ['one that is huge', text({ reason: 'x'.repeat(10_000) })],
    ['a negative count', text({ kind: 'orders', account: 'a', orders: { ...orders, inFlight: -1 } })],
    ['a window of half a count', text({ kind: 'orders', account: 'a', orders: { ...orders, windows: [[10_000, 1, 0.5, at]] } })],
    ['a window that lacks a part', text({ kind: 'orders', account: 'a', orders: { ...orders, windows: [[10_000, 1, 1]] } })],
    ['a hundred windows', text({ kind: 'orders', account: 'a', orders: { ...orders, windows: Array(100).fill([10_000, 1, 1, at]) } })],
    ['a pause of no end', text({ kind: 'orders', account: 'a', orders: { ...orders, pause: { windowMs: 10_000 } } })],
    ['an older version without kind', text({ kind: undefined, account: 'a', orders })],
    ['half a message', '{"kind":"silence","from"'],
    ['a list', '[]'],
    ['a number', '1'],
    ['nothing', ''],
    ['no text', 7],
  ])('are nothing when they are %s', (_, news) => {
    expect(readNews(news)).toBeNull();
  });

  it('may stand as a silence in a key only with an end', () => {
    expect(readSilence(1_000, 'HTTP 418')).toEqual({ leftMs: 1_000, reason: 'HTTP 418' });
    for (const [leftMs, reason] of [
      [-1, 'no end'],
      [Number.NaN, 'x'],
      [silenceMsMax + 1, 'x'],
      ['1000', 'x'],
      [1_000, null],
    ] as const)
      expect(readSilence(leftMs, reason)).toBeNull();
  });
});

describe('a silence that others tell of', () => {
  it('holds for two minutes, then the venue is asked; told again and again it holds no longer', async () => {
    const clock = new FakeClock();
    const budget = createVenueBudget('v', clock);
    let silentMs = 0;
    for (let second = 0; second < 600; second += 1) {
      budget.hearOfSilence(3_600_000 + second, 'HTTP 418');
      if (budget.silence() !== null) silentMs += 1_000;
      await clock.advance(1_000);
    }
    expect(silentMs).toBe(120_000);
    expect(budget.decide(1, 'exit', 1).granted).toBe(true);
    budget.hearOfSilence(5_000, 'HTTP 429');
    expect(budget.silence()?.untilMs).toBe(clock.now() + 5_000);
  });

  it('is kept for as long as it lasts when the venue has told it to this process', async () => {
    const clock = new FakeClock();
    const budget = createVenueBudget('v', clock);
    budget.block(clock.now() + 3_600_000, 'HTTP 418');
    await clock.advance(3_599_000);
    expect(budget.silence()).not.toBeNull();
    budget.block(clock.now() + 1e300, 'broken');
    expect(budget.silence()?.untilMs).toBe(clock.now() + silenceMsMax);
  });

  it('tells no limit that no venue has', () => {
    expect([Number.NaN, -1, 0, 1, 999, 1_000, 6_000, 100_000, 1e9].map(isSharedLimit)).toEqual([
      ...[false, false, false, false, false],
      ...[true, true, true, false],
    ]);
  });
});

describe('order counts that others tell', () => {
  function given() {
    const clock = new FakeClock();
    const count = createOrderCount('main', clock);
    count.setLimits(limits);
    count.refusal(1, 'entry', at);
    const hear = (news: Partial<OrderCountNews>, from = 'b'): void => count.hear(from, { inFlight: 0, windows: [], pause: null, ...news });
    const refused = (priority: 'entry' | 'exit' | 'protect', atMs = at): boolean => count.refusal(1, priority, atMs) !== null;
    return { clock, count, hear, refused };
  }

  it.each([
    ['counts more than the limit', { windows: [[10_000, index(10_000), 1e9, at]] }],
    ['counts in a window that the venue does not have', { windows: [[7_000, index(7_000), 100, at]] }],
    ['was said in another window than it counts in', { windows: [[10_000, index(10_000), 100, at - 10_000]] }],
    ['is said in the future', { windows: [[10_000, index(10_000, at + 60_000), 100, at + 60_000]] }],
    ['has more on its way than the limit', { inFlight: 1e9 }],
    ['pauses beyond the end of its window', { pause: { windowMs: 10_000, untilVenueMs: at + 86_400_000 } }],
    ['pauses for a window that the venue does not have', { pause: { windowMs: 7_000, untilVenueMs: 7_000 * (index(7_000) + 1) } }],
    ['pauses to the middle of a window', { pause: { windowMs: 10_000, untilVenueMs: at + 1 } }],
    ['pauses for no time', { pause: { windowMs: 0, untilVenueMs: at + 10_000 } }],
  ] satisfies [string, Partial<OrderCountNews>][])('are not heard when one %s', (_, news) => {
    const { hear, refused } = given();
    hear(news);
    expect([refused('entry'), refused('entry', at + 60_000)]).toEqual([false, false]);
  });

  it('are heard up to the limit itself, and to the end of the window', () => {
    const full = given();
    full.hear({ windows: [[10_000, index(10_000), 100, at]] });
    expect([full.refused('entry'), full.refused('exit'), full.refused('entry', at + 10_000)]).toEqual([true, true, false]);
    const paused = given();
    paused.hear({ pause: { windowMs: 10_000, untilVenueMs: 10_000 * (index(10_000) + 1) } });
    expect([paused.refused('exit'), paused.refused('exit', at + 10_000)]).toEqual([true, false]);
  });

  it('hold an exit up for a window in five minutes, an entry for as long as they are told, and a stop never', async () => {
    const { clock, hear, refused } = given();
    let heldSeconds = 0;
    let entries = 0;
    let stops = 0;
    for (let second = 0; second < 300; second += 1) {
      const now = at + second * 1_000;
      hear({ windows: [[10_000, index(10_000, now), 100, now]] });
      hear({ windows: [[86_400_000, index(86_400_000, now), 200_000, now]] }, `${second}`);
      if (refused('exit', now)) heldSeconds += 1;
      if (refused('entry', now)) entries += 1;
      if (refused('protect', now)) stops += 1;
      await clock.advance(1_000);
    }
    expect([heldSeconds, entries, stops]).toEqual([10, 300, 0]);
  });

  it('do not hide what the venue told this process, and its refusals hold', async () => {
    const { count, hear, refused } = given();
    count.observe(new Map([[10_000, 100]]), at);
    hear({ windows: [[10_000, index(10_000), 0, at + 1]] });
    expect([refused('exit'), refused('protect')]).toEqual([true, true]);
  });

  it('are those of a few replicas, however many names are made up', () => {
    const { hear, refused } = given();
    for (let name = 0; name < 1_000; name += 1) hear({ inFlight: 1 }, `made up ${name}`);
    // 64 are on their way by what is believed: an entry may fill 80.
    expect(refused('entry')).toBe(false);
  });
});
