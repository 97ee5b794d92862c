/** A symbol that does not trade: nothing is sent, nothing is taken down, and what was decided goes on when it trades again. */
import { describe, expect, it } from 'vitest';
import { decide } from '../../../engine/trading/decide.ts';
import type { Decision, TradingConfig, TradingEvent } from '../../../engine/trading/events.ts';
import type { Instrument, InstrumentStatus } from '../../../engine/trading/instrument.ts';
import { pauseOf } from '../../../engine/trading/pause.ts';
import { exposureOf } from '../../../engine/trading/protect.ts';
import { btc, candle, config, d, emptyState, fill, midnight } from './given.ts';

const stoppable: Instrument = { ...btc, orderTypes: ['MARKET', 'LIMIT_MAKER', 'STOP_LOSS'] };
const trading: TradingConfig = config({ stops: 'exchange', stopLossPercent: 2 });
const resting = { quantity: d('0.01'), stopPrice: d(19_600), targetPrice: null };
const notTrading: readonly InstrumentStatus[] = ['END_OF_DAY', 'HALT', 'BREAK', 'CANCEL_ONLY', 'DELISTED'];

function holding(stopRests: boolean) {
  const tell = (state: ReturnType<typeof emptyState>, event: TradingEvent) => decide(state, event, trading, stoppable).state;
  const bought = tell(emptyState(), { type: 'fill-received', fill: fill('BUY', '0.01', 20_000), atMs: midnight });
  if (!stopRests) return bought;
  return tell(bought, { type: 'protection-changed', resting, settled: true, unresolved: false, refused: null, atMs: midnight });
}

const whenIn = (status: InstrumentStatus, state: Decision['state'], event: TradingEvent): Decision =>
  decide(state, event, trading, { ...stoppable, status });
const closeRequested: TradingEvent = { type: 'close-requested', reason: 'asked for', atMs: midnight };
const unblocked: TradingEvent = { type: 'entries-unblocked', rule: 'symbol-not-trading', atMs: midnight };
const block = (status: InstrumentStatus): TradingEvent => ({
  type: 'entries-blocked',
  block: { rule: 'symbol-not-trading', reason: pauseOf({ ...stoppable, status }) ?? '' },
  atMs: midnight,
});

describe.each(notTrading)('while the symbol is in status %s', (status) => {
  it('names the pause', () => {
    expect(pauseOf({ ...stoppable, status })).toMatch(new RegExp(`^paused: ${status}\\b`));
    const enter: TradingEvent = {
      type: 'candle-closed',
      candle: candle(0, { close: 20_000 }),
      signal: { action: 'enter-long', reason: 'up' },
      atMs: midnight,
    };
    expect(whenIn(status, emptyState(), enter)).toMatchObject({
      commands: [],
      blockedBy: 'symbol-not-trading',
      reason: expect.stringContaining(`paused: ${status}`) as string,
    });
  });

  it('an exit waits, however often it is due, the stop stays, and both go on afterwards', () => {
    const blocked = whenIn(status, holding(true), block(status)).state;
    const asked = whenIn(status, blocked, closeRequested);
    let { state, commands } = asked;
    expect([commands, asked.reason]).toEqual([[], expect.stringMatching(`paused: ${status}.*the exit waits`) as string]);
    for (const type of ['time-passed', 'exit-retry-due', 'protection-overdue'] as const) {
      ({ state, commands } = whenIn(status, state, { type, atMs: midnight }));
      expect(commands).toEqual([]);
    }
    expect(state.protection.resting).not.toBeNull();
    const again = decide(state, unblocked, trading, stoppable);
    expect(again.commands.map(({ type }) => type)).toEqual(['cancel-protection']);
    const free: TradingEvent = {
      type: 'protection-changed',
      resting: null,
      settled: true,
      unresolved: false,
      refused: null,
      atMs: midnight,
    };
    expect(decide(again.state, free, trading, stoppable).commands).toMatchObject([{ type: 'place-order', role: 'exit' }]);
  });

  it('a stop that is missing is neither put up nor mourned, and follows afterwards', () => {
    const bare = holding(false);
    expect(exposureOf(bare, trading, { ...stoppable, status })).toBe('none');
    expect(whenIn(status, bare, { type: 'time-passed', atMs: midnight }).commands).toEqual([]);
    const overdue = whenIn(status, bare, { type: 'protection-overdue', atMs: midnight });
    expect(overdue.state.exiting).toBeNull();
    const blocked = whenIn(status, bare, block(status)).state;
    const again = decide(blocked, unblocked, trading, stoppable);
    expect([again.commands.map(({ type }) => type), again.reason]).toEqual([['place-protection'], 'BTCUSDT trades at the exchange again']);
  });
});

it.each([
  ['CANCEL_ONLY', 'cancel', ['cancel-protection']],
  ['CANCEL_ONLY', 'leave', []],
  ['HALT', 'cancel', []],
] as const)('in status %s a kill switch with policy %s: %j', (status, policy, commands) => {
  const kill: TradingEvent = { type: 'entries-blocked', block: { rule: 'kill-switch', reason: 'test', policy }, atMs: midnight };
  const paused = whenIn(status, holding(true), block(status)).state;
  expect(whenIn(status, paused, kill).commands.map(({ type }) => type)).toEqual(commands);
});

it('a pause is told in words', () => {
  expect(notTrading.map((status) => pauseOf({ status, symbol: 'BTCUSDT' }))).toEqual([
    'paused: END_OF_DAY, BTCUSDT does not trade at the exchange now',
    'paused: HALT, BTCUSDT does not trade at the exchange now',
    'paused: BREAK, BTCUSDT does not trade at the exchange now',
    'paused: CANCEL_ONLY, the exchange takes no new orders of BTCUSDT; stops that rest there stay',
    'paused: DELISTED, the exchange does not list BTCUSDT any more',
  ]);
  expect(pauseOf({ status: 'TRADING', symbol: 'BTCUSDT' })).toBeNull();
});

it('the pause is told before what follows from it', () => {
  const stale = decide(
    emptyState(),
    { type: 'entries-blocked', block: { rule: 'series-stale', reason: 'silent' }, atMs: midnight },
    trading,
    stoppable,
  ).state;
  expect(whenIn('HALT', stale, block('HALT')).state.blocks.map(({ rule }) => rule)).toEqual(['symbol-not-trading', 'series-stale']);
});

it('an entry that a filter kept from being sent says which, and counts as none', () => {
  const enter: TradingEvent = {
    type: 'candle-closed',
    candle: candle(0, { close: 20_000 }),
    signal: { action: 'enter-long', reason: 'up' },
    atMs: midnight + 59_999,
  };
  const entering = decide(emptyState(), enter, trading, stoppable).state;
  const ended: TradingEvent = {
    ...{ type: 'order-ended', clientOrderId: '', role: 'entry', outcome: 'rejected', rule: 'MAX_NUM_ALGO_ORDERS' },
    ...{ reason: 'no entry: five stops rest', atMs: midnight + 60_000 },
  };
  const decision = decide(entering, ended, trading, stoppable);
  expect(decision).toMatchObject({ commands: [], blockedBy: 'MAX_NUM_ALGO_ORDERS' });
  expect(decision.reason).toContain('five stops rest');
  expect([decision.state.day.entries, decision.state.working]).toEqual([0, null]);
});
