/** Plays candles to one bot's columns, as the engine does: columns resolved, indicators, strategy, decision; orders fill at once. */
import { playRow } from '../../../engine/indicators/row.ts';
import { findStrategy } from '../../../engine/strategies/registry.ts';
import { timeframeMs } from '../../../engine/trading/candle.ts';
import { decide } from '../../../engine/trading/decide.ts';
import type { Decision, TradingEvent } from '../../../engine/trading/events.ts';
import { nothingFolded } from '../../../engine/trading/fold.ts';
import { defaultColumns } from '../../../engine/trading/bot-columns.ts';
import { resolveConfig } from '../../../engine/trading/resolve-config.ts';
import type { TradingColumns } from '../../../engine/trading/bot-columns.ts';
import { restoreState } from '../../../engine/trading/restore.ts';
import { instrumentOf } from '../../../simulator/instruments.ts';
import { d, fill, midnight } from './given.ts';

/** A candle's close, or more of it: `ticks` are prices of the forming candle with the second after its open at which each is told. */
export type Step =
  | number
  | {
      readonly close: number;
      readonly low?: number;
      readonly high?: number;
      readonly ticks?: readonly (readonly [second: number, price: number])[];
    };

/** A bot that buys half its equity when a close is above the mean of the last ones, and sells when it is below. */
export const plainColumns: TradingColumns = {
  ...defaultColumns,
  name: 'one',
  symbol: 'BTCUSDT',
  timeframe: '1m',
  strategy: 'ema_cross',
  initialCapital: d(1_000),
  positionSizePerc: 50,
  emaFast: 1,
  emaSlow: 2,
};

/** What was decided, one line each: time of the event (UTC) and the order, or why there is none. */
export function decisionsOf(columns: TradingColumns, steps: readonly Step[]): readonly string[] {
  const { trading, parameters } = resolveConfig(columns);
  const strategy = findStrategy(columns.strategy);
  if (strategy === undefined) throw new Error(`no strategy ${columns.strategy}`);
  const row = playRow(strategy.needs(parameters));
  const instrument = instrumentOf(trading.symbol);
  const lengthMs = timeframeMs[trading.timeframe];
  const lines: string[] = [];
  let state = restoreState(trading, instrument, {
    folded: nothingFolded,
    fills: [],
    orders: [],
    day: null,
    notices: [],
    bestPrice: Number.NaN,
    lastPrice: Number.NaN,
    blocks: [],
    atMs: midnight,
  });
  const tell = (event: TradingEvent): Decision => {
    const decision = decide(state, event, trading, instrument);
    state = decision.state;
    return decision;
  };
  /** Each order fills at its reference price before the next candle begins. */
  const write = (decision: Decision, atMs: number): void => {
    const time = new Date(atMs).toISOString().slice(11, 19);
    const order = decision.commands.find((command) => command.type === 'place-order');
    if (order === undefined) {
      if (decision.reason !== null) lines.push(`${time} ${decision.reason}`);
      return;
    }
    lines.push(`${time} ${order.side} ${order.quantity.toFixed()}: ${order.reason}`);
    const executed = fill(order.side, order.quantity.toFixed(), order.referencePrice, {
      ...{ atMs, commissionAsset: instrument.quoteAsset, exitKind: order.exitKind },
    });
    tell({ type: 'fill-received', fill: executed, atMs });
    write(tell({ type: 'order-ended', clientOrderId: 'x', role: order.role, outcome: 'filled', reason: '', atMs }), atMs);
  };
  let open = Number.NaN;
  for (const [index, step] of steps.entries()) {
    const { close, ...rest } = typeof step === 'number' ? { close: step } : step;
    if (Number.isNaN(open)) open = close;
    const openTime = midnight + index * lengthMs;
    const candle = {
      openTime,
      closeTime: openTime + lengthMs - 1,
      open,
      high: rest.high ?? Math.max(open, close),
      low: rest.low ?? Math.min(open, close),
      close,
      volume: 1,
      closed: true,
    };
    for (const [second, price] of rest.ticks ?? []) {
      const atMs = openTime + second * 1_000;
      write(tell({ type: 'price-moved', candle: { ...candle, high: price, low: price, close: price, closed: false }, atMs }), atMs);
    }
    row.next(candle);
    const signal = strategy.signal({ candle, current: row.current, previous: row.previous }, parameters);
    write(tell({ type: 'candle-closed', candle, signal, atMs: candle.closeTime }), candle.closeTime);
    open = close;
  }
  return lines;
}
