import { describe, expect, it } from 'vitest';
import { conditionsOf, sentenceOf } from '../../../admin/explanation.ts';
import { whyMissing } from '../../../admin/no-verdict.ts';
import type { Surroundings } from '../../../admin/no-verdict.ts';
import type { DecisionRow } from '../../../engine/persistence/decision-store.ts';
import { closeOf, decision, rsiSettings } from '../persistence/given-decisions.ts';

const told = (change: Partial<DecisionRow>): string => {
  const row = decision(0, change);
  return sentenceOf(row, conditionsOf(row));
};
const enter = { action: 'enter-long', reason: 'RSI crossed back up through oversold' } as const;
const fade = { action: 'exit', reason: 'RSI crossed down through overbought' } as const;

describe('an explanation', () => {
  it.each<[string, Partial<DecisionRow>, string]>([
    ['what is missing for an entry', { values: [61.2, 60.5] }, 'no entry: RSI 60.5 one candle before was not at or below 30'],
    [
      'what would have kept it away besides',
      { values: [61.2, 60.5], reason: 'lunch' },
      'no entry: RSI 60.5 one candle before was not at or below 30; besides, entries are closed: lunch',
    ],
    [
      'what is missing for an exit while a position is open',
      { values: [61.2, 60.5], positionOpen: true, reason: 'lunch' },
      'no exit: RSI 60.5 one candle before was not at or above 70',
    ],
    [
      'the first thing that is missing of each way out',
      { values: [71, 60.5], positionOpen: true },
      'no exit: RSI 60.5 one candle before was not at or above 70',
    ],
    ['indicators that warm up', { values: [Number.NaN, Number.NaN] }, 'no entry: RSI is not known yet; RSI is not known yet'],
    [
      'why it entered',
      { values: [31, 29.5], signal: enter, outcome: 'entered', rule: null },
      'entered: RSI crossed back up through oversold (RSI 29.5 one candle before was at or below 30; RSI 31.0 is above 30)',
    ],
    [
      'why it left by its strategy',
      { values: [69, 71], signal: fade, outcome: 'exited', rule: null, reason: fade.reason, positionOpen: true },
      'left: RSI crossed down through overbought (RSI 71.0 one candle before was at or above 70; RSI 69.0 is below 70)',
    ],
    [
      'why it left by a stop',
      { outcome: 'exited', rule: null, reason: 'stop-loss at 19800 was reached (average entry 20000)', positionOpen: true },
      'left: stop-loss at 19800 was reached (average entry 20000)',
    ],
    [
      'which rule refused an entry',
      {
        signal: enter,
        rule: 'max-daily-trades',
        reason: 'no entry until the next UTC midnight: 3 of 3 entries were made today (RSI crossed back up through oversold)',
      },
      'no entry until the next UTC midnight: 3 of 3 entries were made today (RSI crossed back up through oversold)',
    ],
    [
      'an exit signal without a position',
      { signal: fade, rule: 'no-position' },
      'no entry: the strategy says to leave (RSI crossed down through overbought), and there is no position',
    ],
    [
      'a close that was too old',
      { signal: enter, rule: 'stale-close' },
      'no entry: RSI crossed back up through oversold, but the candle had closed too long before the bot heard of it',
    ],
    [
      'a strategy that was not asked',
      { signal: { action: 'hold', reason: 'the bot is switched off: the strategy is not asked' }, rule: 'leaving' },
      'no entry: the bot is switched off: the strategy is not asked',
    ],
    ['an exit at work', { rule: 'exit-in-progress', reason: 'stopped' }, 'no entry: the position is being closed (stopped)'],
    [
      'a second look at a close',
      { signal: enter, rule: 'decided-before' },
      'no entry: this close was decided on before (RSI crossed back up through oversold)',
    ],
  ])('tells %s', (_, change, sentence) => {
    expect(told(change)).toBe(sentence);
  });

  it('of a strategy that this build does not know is its own words', () => {
    const row = decision(0, { settings: { ...rsiSettings, strategy: 'astrology' } });
    expect(conditionsOf(row)).toBeNull();
    expect(sentenceOf(row, null)).toBe('no entry: RSI crossed neither level');
    expect(sentenceOf({ ...row, positionOpen: true }, null)).toBe('no exit: RSI crossed neither level');
  });
});

describe('why there is no verdict', () => {
  const around = (change: Partial<Surroundings>): Surroundings => ({
    closeMs: closeOf(10),
    nowMs: closeOf(20) + 1,
    keptMs: 3_600_000,
    before: decision(9),
    after: decision(12),
    isActive: true,
    isRunning: true,
    statusMessage: 'no EMA cross',
    lastSwitch: null,
    ...change,
  });

  it.each<[string, Partial<Surroundings>, string, RegExp]>([
    ['the candle is not over', { closeMs: closeOf(21) }, 'not-closed', /closes at 2024-05-06T00:22:00Z$/],
    ['the candle ends now', { closeMs: closeOf(20), nowMs: closeOf(20) }, 'not-closed', /closes at/],
    ['it is kept no more', { nowMs: closeOf(71) }, 'not-kept', /closed at 2024-05-06T00:11:00Z.* for 1 hours$/],
    [
      'the bot was stopped',
      { lastSwitch: { command: 'stop', atMs: closeOf(4) + 1 } },
      'not-running',
      /switched off at 2024-05-06T00:05:00Z$/,
    ],
    ['it was written a moment too late', { after: null, nowMs: closeOf(10) + 2_000 }, 'not-written', /a moment ago$/],
    ['the bot has not heard of it', { after: null }, 'not-decided', /the bot runs, but .*no EMA cross/],
    ['the bot is off', { after: null, isActive: false, isRunning: false }, 'not-running', /the bot is switched off \(its status/],
    [
      'no engine has the bot',
      { after: null, isRunning: false, statusMessage: null },
      'not-running',
      /no engine runs it \(it has never run\)$/,
    ],
    [
      'the bot began later',
      { before: null },
      'not-running',
      /first one that is kept of this bot is on the candle that closed at 2024-05-06T00:13:00Z$/,
    ],
    [
      'something kept it away in between',
      {},
      'gap',
      /between .*00:10:00Z and .*00:13:00Z the bot did not run, the exchange had no candles/,
    ],
  ])('%s', (_, change, reason, sentence) => {
    expect(whyMissing(around(change))).toEqual({ reason, sentence: expect.stringMatching(sentence) as string });
  });
});
