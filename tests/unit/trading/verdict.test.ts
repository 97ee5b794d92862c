import { describe, expect, it } from 'vitest';
import type { Signal } from '../../../engine/strategies/strategy.ts';
import { decide } from '../../../engine/trading/decide.ts';
import type { TradingConfig, TradingEvent } from '../../../engine/trading/events.ts';
import type { TradingState } from '../../../engine/trading/state.ts';
import { blockingRules, outcomes, verdictOf, verdictRules } from '../../../engine/trading/verdict.ts';
import type { Silenced, Verdict } from '../../../engine/trading/verdict.ts';
import { btc, candle, config, emptyState, fill, midnight } from './given.ts';

const enterLong: Signal = { action: 'enter-long', reason: 'go' };
const leave: Signal = { action: 'exit', reason: 'leave' };
const hold: Signal = { action: 'hold', reason: 'wait' };

/** Decides event by event and judges each close. */
class Judged {
  state: TradingState;
  readonly config: TradingConfig;
  constructor(change: Partial<TradingConfig> = {}) {
    this.config = config(change);
    this.state = emptyState(this.config);
  }
  tell(event: TradingEvent): this {
    this.state = decide(this.state, event, this.config, btc).state;
    return this;
  }
  close(minute: number, price: number, signal: Signal, silenced: Silenced | null = null): Verdict {
    const before = this.state;
    const closed = candle(minute, { close: price });
    const decision = decide(before, { type: 'candle-closed', candle: closed, signal, atMs: closed.closeTime }, this.config, btc);
    this.state = decision.state;
    return verdictOf({ before, signal, decision, silenced, instrument: btc, price });
  }
  holding(): this {
    this.close(0, 20_000, enterLong);
    const atMs = midnight + 60_000;
    this.tell({ type: 'fill-received', fill: fill('BUY', '0.02', 20_000, { atMs }), atMs });
    return this.tell({ type: 'order-ended', clientOrderId: 'x', role: 'entry', outcome: 'filled', reason: '', atMs });
  }
}

describe('the verdict on a close', () => {
  it('is an entry when an entry was placed', () => {
    expect(new Judged().close(0, 20_000, enterLong)).toEqual({ outcome: 'entered', rule: null, reason: null, positionOpen: false });
  });

  it('names the rule that refused the entry, and why', () => {
    const bot = new Judged();
    bot.tell({ type: 'entries-blocked', block: { rule: 'paused', reason: 'lunch' }, atMs: midnight });
    expect(bot.close(0, 20_000, enterLong)).toEqual({
      outcome: 'nothing',
      rule: 'paused',
      reason: 'no entry: lunch (go)',
      positionOpen: false,
    });
  });

  it('is the strategy not asking for anything, with what would have kept an entry away besides', () => {
    const bot = new Judged();
    expect(bot.close(0, 20_000, hold)).toEqual({ outcome: 'nothing', rule: 'no-signal', reason: null, positionOpen: false });
    bot.tell({ type: 'entries-blocked', block: { rule: 'paused', reason: 'lunch' }, atMs: midnight });
    expect(bot.close(1, 20_000, hold)).toMatchObject({ rule: 'no-signal', reason: 'lunch' });
  });

  it('is that there is nothing to leave', () => {
    expect(new Judged().close(0, 20_000, leave)).toMatchObject({ outcome: 'nothing', rule: 'no-position', positionOpen: false });
  });

  it('is an exit with its reason, and afterwards that it is at work', () => {
    const bot = new Judged().holding();
    expect(bot.close(2, 21_000, leave)).toEqual({ outcome: 'exited', rule: null, reason: 'leave', positionOpen: true });
    expect(bot.close(3, 21_000, hold)).toEqual({ outcome: 'nothing', rule: 'exit-in-progress', reason: 'leave', positionOpen: true });
  });

  it('is an exit by a stop whatever the strategy says', () => {
    expect(new Judged({ stopLossPercent: 1 }).holding().close(2, 19_000, hold)).toMatchObject({
      outcome: 'exited',
      reason: expect.stringMatching(/^stop-loss at 19800 was reached/) as string,
    });
  });

  it('is an exit although its order waits for what rests at the exchange', () => {
    const bot = new Judged().holding();
    bot.state = { ...bot.state, protection: { ...bot.state.protection, operation: 'place' } };
    expect(bot.close(2, 21_000, leave)).toMatchObject({ outcome: 'exited', reason: 'leave' });
  });

  it.each(['quarantined', 'leaving', 'stale-close'] as const)('is %s when the strategy had no say', (silenced) => {
    expect(new Judged().close(0, 20_000, hold, silenced)).toMatchObject({ outcome: 'nothing', rule: silenced });
  });

  it('is that a later close was decided on before, when an old one comes', () => {
    const bot = new Judged().holding();
    bot.close(5, 20_000, hold);
    expect(bot.close(3, 20_000, leave)).toMatchObject({ outcome: 'nothing', rule: 'decided-before', positionOpen: true });
  });

  it('is that this close was entered on before, when it is decided on again', () => {
    expect(new Judged().holding().close(0, 20_000, enterLong)).toMatchObject({ outcome: 'nothing', rule: 'decided-before' });
  });

  it('is that this close was entered on before, also when that bought nothing', () => {
    const bot = new Judged();
    bot.close(0, 20_000, enterLong);
    bot.tell({ type: 'order-ended', clientOrderId: 'x', role: 'entry', outcome: 'unfilled', reason: '', atMs: midnight + 60_000 });
    expect(bot.close(0, 20_000, enterLong)).toEqual({ outcome: 'nothing', rule: 'decided-before', reason: null, positionOpen: false });
  });

  it('is an exit again when the order of one that waited is placed', () => {
    const bot = new Judged().holding();
    const { protection } = bot.state;
    bot.state = { ...bot.state, protection: { ...protection, operation: 'place' } };
    bot.close(2, 21_000, leave);
    bot.state = { ...bot.state, protection };
    expect(bot.close(3, 21_000, hold)).toEqual({ outcome: 'exited', rule: null, reason: 'leave', positionOpen: true });
  });

  it('is an exit although the entry is still in flight', () => {
    const bot = new Judged();
    bot.close(0, 20_000, enterLong);
    expect(bot.close(1, 20_000, leave)).toEqual({ outcome: 'exited', rule: null, reason: 'leave', positionOpen: false });
  });
});

it('the rules of verdicts are the blocking ones and those besides', () => {
  expect(blockingRules).toEqual(
    expect.arrayContaining(['paused', 'kill-switch', 'NOTIONAL', 'cooldown', 'account-capital', 'capital-exhausted']),
  );
  expect(verdictRules).toEqual([...blockingRules, 'no-signal', 'no-position', 'stale-close', 'exit-in-progress', 'decided-before']);
  expect(outcomes).toEqual(['entered', 'exited', 'nothing']);
});
