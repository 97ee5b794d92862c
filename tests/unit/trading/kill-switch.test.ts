/** What a bot does while a kill switch stands. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { killBlock, killPolicies } from '../../../engine/kill-switch/kill-switch.ts';
import type { KillPolicy } from '../../../engine/kill-switch/kill-switch.ts';
import { decide } from '../../../engine/trading/decide.ts';
import type { TradingCommand, TradingConfig, TradingEvent } from '../../../engine/trading/events.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import { sellableQuantity } from '../../../engine/trading/position.ts';
import { exposureOf } from '../../../engine/trading/protect.ts';
import type { RestingProtection, TradingState } from '../../../engine/trading/state.ts';
import { btc, candle, config, emptyState, fill, midnight } from './given.ts';

const stoppable: Instrument = { ...btc, orderTypes: ['MARKET', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT'] };
const guarded = config({ stops: 'exchange', stopLossPercent: 2 });

function blockOf(policy: KillPolicy) {
  const engineWide = { scope: 'engine', subject: '', policy, reason: 'test', expiresAtMs: null } as const;
  return killBlock([engineWide], { botId: '7', userId: '3', account: 'simulated' });
}

class Desk {
  state: TradingState = emptyState();
  commands: readonly TradingCommand[] = [];
  reason: string | null = null;
  atMs = midnight;
  minute = 0;
  readonly config: TradingConfig;
  constructor(trading: TradingConfig) {
    this.config = trading;
  }
  tell(event: TradingEvent): void {
    const decision = decide(this.state, event, this.config, stoppable);
    this.state = decision.state;
    this.commands = decision.commands;
    this.reason = decision.reason;
  }
  kill(policy: KillPolicy): void {
    const block = blockOf(policy);
    if (block !== null) this.tell({ type: 'entries-blocked', block, atMs: this.atMs });
  }
  release(): void {
    this.tell({ type: 'entries-unblocked', rule: 'kill-switch', atMs: this.atMs });
  }
  close(action: 'enter-long' | 'exit' | 'hold', price = 20_000): void {
    this.minute += 1;
    const view = candle(this.minute, { close: price });
    this.atMs = view.closeTime;
    this.tell({ type: 'candle-closed', candle: view, signal: { action, reason: 'signal' }, atMs: view.closeTime });
  }
  bought(): void {
    this.tell({ type: 'fill-received', fill: fill('BUY', '0.1', 20_000, { atMs: this.atMs }), atMs: this.atMs });
    this.tell({ type: 'time-passed', atMs: this.atMs });
  }
  rests(resting: RestingProtection | null): void {
    this.tell({ type: 'protection-changed', resting, settled: true, unresolved: false, refused: null, atMs: this.atMs });
  }
  /** Holds a position whose stop rests at the exchange. */
  static holding(): Desk {
    const desk = new Desk(guarded);
    desk.bought();
    const [put] = desk.commands;
    if (put?.type !== 'place-protection') throw new Error('a position gets a stop');
    desk.rests({ quantity: put.plan.quantity, stopPrice: put.plan.stopPrice, targetPrice: null });
    return desk;
  }
  get types(): readonly string[] {
    return this.commands.map((command) => (command.type === 'place-order' ? command.role : command.type));
  }
}

describe('a bot under a kill switch', () => {
  it.each(killPolicies)('enters nothing under %s, says why, and enters again after its release', (policy) => {
    const desk = new Desk(config());
    desk.tell({ type: 'entries-blocked', block: { rule: 'paused', reason: 'entries are paused' }, atMs: midnight });
    desk.kill(policy);
    desk.close('enter-long');
    expect([desk.types, desk.reason]).toEqual([[], expect.stringMatching(/^no entry: kill switch \(engine/)]);
    desk.tell({ type: 'entries-unblocked', rule: 'paused', atMs: midnight });
    desk.release();
    desk.close('enter-long');
    expect(desk.types).toEqual(['entry']);
  });

  it('keeps its stop under leave, and sells when its strategy says so', () => {
    const desk = Desk.holding();
    desk.kill('leave');
    expect([desk.types, exposureOf(desk.state, guarded, stoppable)]).toEqual([[], 'protected']);
    desk.close('exit');
    expect(desk.types).toEqual(['cancel-protection']);
  });

  it('takes its stop down under cancel, keeps it down, and puts it up again after the release', () => {
    const desk = Desk.holding();
    desk.kill('cancel');
    expect(desk.types).toEqual(['cancel-protection']);
    desk.rests(null);
    expect([desk.types, exposureOf(desk.state, guarded, stoppable)]).toEqual([[], 'disarmed']);
    desk.close('hold');
    desk.tell({ type: 'protection-overdue', atMs: desk.atMs });
    desk.tell({ type: 'time-passed', atMs: desk.atMs });
    expect([desk.types, desk.state.exiting]).toEqual([[], null]);
    desk.release();
    expect(desk.types).toEqual(['place-protection']);
  });

  it('does not sell at its stop under cancel when the engine keeps it, nor because the exchange refused one', () => {
    const desk = new Desk(config({ stopLossPercent: 2, takeProfitPercent: 2 }));
    desk.bought();
    desk.kill('cancel');
    desk.close('hold', 18_000);
    desk.tell({ type: 'protection-changed', resting: null, settled: true, unresolved: false, refused: 'no', atMs: desk.atMs });
    expect([desk.types, desk.state.exiting]).toEqual([[], null]);
    desk.release();
    desk.close('hold', 18_000);
    expect(desk.types).toEqual(['exit']);
  });

  it('closes its position under flatten, once the stop that binds it is down', () => {
    const desk = Desk.holding();
    desk.kill('flatten');
    expect(desk.types).toEqual(['cancel-protection']);
    desk.rests(null);
    expect(desk.types).toEqual(['exit']);
  });

  it('closes under flatten what an entry that was in flight bought', () => {
    const desk = new Desk(config());
    desk.close('enter-long');
    desk.kill('flatten');
    expect(desk.types).toEqual([]);
    desk.bought();
    desk.tell({ type: 'order-ended', clientOrderId: 'x', role: 'entry', outcome: 'filled', reason: '', atMs: desk.atMs });
    expect(desk.types).toEqual(['exit']);
  });

  it('closes what turns up late under flatten, too', () => {
    const desk = new Desk(config());
    desk.kill('flatten');
    desk.close('hold');
    expect(desk.state.exiting).toBeNull();
    desk.bought();
    expect(desk.types).toEqual(['exit']);
  });

  it('follows a stricter switch that comes with the same reason', () => {
    const desk = Desk.holding();
    desk.tell({ type: 'entries-blocked', block: { rule: 'kill-switch', policy: 'leave', reason: 'r' }, atMs: desk.atMs });
    desk.tell({ type: 'entries-blocked', block: { rule: 'kill-switch', policy: 'flatten', reason: 'r' }, atMs: desk.atMs });
    expect(desk.state.exiting?.reason).toBe('r');
  });

  it('whatever else happens, never enters, and under cancel never puts a stop up', () => {
    const happening = fc.constantFrom(
      'enter',
      'exit',
      'hold',
      'up',
      'down',
      'pass',
      'told',
      'pause',
      'resume',
    ) satisfies fc.Arbitrary<string>;
    fc.assert(
      fc.property(fc.constantFrom(...killPolicies), fc.boolean(), fc.array(happening, { maxLength: 40 }), (policy, holds, happenings) => {
        const desk = holds ? Desk.holding() : new Desk(guarded);
        desk.kill(policy);
        let exit = false;
        for (const one of happenings) {
          if (one === 'enter') desk.close('enter-long');
          else if (one === 'exit' || one === 'hold') desk.close(one);
          else if (one === 'up' || one === 'down') desk.close('hold', one === 'up' ? 22_000 : 18_000);
          else if (one === 'pass') desk.tell({ type: 'time-passed', atMs: desk.atMs });
          else if (one === 'told') desk.rests(null);
          else if (one === 'pause') desk.tell({ type: 'entries-blocked', block: { rule: 'paused', reason: 'p' }, atMs: desk.atMs });
          else desk.tell({ type: 'entries-unblocked', rule: 'paused', atMs: desk.atMs });
          expect(desk.types).not.toContain('entry');
          if (policy === 'cancel') expect(desk.types).not.toContain('place-protection');
          exit ||= desk.types.includes('exit');
          if (exit && desk.state.working !== null) {
            const quantity = sellableQuantity(desk.state.position, stoppable).toFixed();
            desk.tell({ type: 'fill-received', fill: fill('SELL', quantity, 20_000, { atMs: desk.atMs }), atMs: desk.atMs });
            desk.tell({ type: 'order-ended', clientOrderId: 'x', role: 'exit', outcome: 'filled', reason: '', atMs: desk.atMs });
          }
        }
        if (policy === 'flatten' && holds && happenings.includes('told')) expect(exit).toBe(true);
      }),
    );
  });
});
