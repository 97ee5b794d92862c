/** A bot whose stops rest at an exchange, and the little of an exchange that protection needs. */
import { decide } from '../../../engine/trading/decide.ts';
import type { Fill, PutProtection, TradingCommand, TradingConfig, TradingEvent } from '../../../engine/trading/events.ts';
import type { Instrument } from '../../../engine/trading/instrument.ts';
import type { RestingProtection } from '../../../engine/trading/state.ts';
import { btc, candle, config, emptyState, fill, midnight } from './given.ts';

export const stoppable: Instrument = { ...btc, orderTypes: ['MARKET', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT'] };
export const stops = (change: Partial<TradingConfig> = {}): TradingConfig => config({ stops: 'exchange', stopLossPercent: 2, ...change });

export class Guarded {
  state = emptyState();
  /** All that it was told of. */
  readonly fills: Fill[] = [];
  resting: RestingProtection | null = null;
  asked: TradingCommand | null = null;
  commands: readonly TradingCommand[] = [];
  reason: string | null = null;
  atMs = midnight;
  readonly config: TradingConfig;
  /** As the engine knows it; its filters may change. */
  instrument: Instrument;

  constructor(trading = stops(), instrument = stoppable) {
    this.config = trading;
    this.instrument = instrument;
  }

  tell(event: TradingEvent): void {
    if (event.type === 'fill-received') this.fills.push(event.fill);
    const decision = decide(this.state, event, this.config, this.instrument);
    this.state = decision.state;
    this.commands = decision.commands;
    this.reason = decision.reason;
    this.asked = decision.commands.find(({ type }) => type !== 'place-order') ?? this.asked;
  }
  pass(ms = 1_000): void {
    this.atMs += ms;
    this.tell({ type: 'time-passed', atMs: this.atMs });
  }
  bought(quantity: string, price: number): void {
    this.tell({ type: 'fill-received', fill: fill('BUY', quantity, price, { atMs: this.atMs }), atMs: this.atMs });
    this.pass(0);
  }
  price(close: number, high = close, low = close): void {
    this.atMs += 1_000;
    const minute = Math.floor((this.atMs - midnight) / 60_000);
    this.tell({ type: 'price-moved', candle: { ...candle(minute, { close, high, low }), closed: false }, atMs: this.atMs });
  }
  /** The exchange did what was asked. */
  done(): void {
    const { asked } = this;
    if (asked?.type === 'cancel-protection') this.resting = null;
    else if (asked !== null && asked.type !== 'place-order') this.resting = restingOf(asked);
    this.answer(null);
  }
  answer(refused: string | null): void {
    this.asked = null;
    this.tell({ type: 'protection-changed', resting: this.resting, settled: true, unresolved: false, refused, atMs: this.atMs });
  }
  get put(): PutProtection | undefined {
    return this.commands.find(
      (command): command is PutProtection => command.type === 'place-protection' || command.type === 'replace-protection',
    );
  }
  get exitKind(): unknown {
    return this.commands.flatMap((command) => (command.type === 'place-order' ? [command.exitKind] : []))[0];
  }
  get types(): readonly string[] {
    return this.commands.map((command) => (command.type === 'place-order' ? command.role : command.type));
  }
}

export function restingOf({ plan }: PutProtection): RestingProtection {
  return { quantity: plan.quantity, stopPrice: plan.stopPrice, targetPrice: plan.targetPrice };
}
