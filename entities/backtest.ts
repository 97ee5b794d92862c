import { defineEntity, p } from '@mikro-orm/core';
import { id, money, percentage, positiveCheck, rangeCheck, time } from './columns.ts';
import { User } from './user.ts';
import { markets, timeframes } from './vocabulary.ts';

/** A backtest that was asked for, its progress and its report. */
const BacktestSchema = defineEntity({
  name: 'Backtest',
  tableName: 'backtests',
  properties: {
    id: id(),
    user: () => p.manyToOne(User).deleteRule('restrict').index('backtests_user_id_index'),
    name: p.string().length(100),
    symbol: p.string().length(30),
    timeframe: p.enum(timeframes),
    startDate: time(),
    endDate: time(),
    initialCapital: money().check(positiveCheck('initial_capital')),
    finalValue: money().nullable(),
    /** Percent. */
    totalReturn: percentage().nullable(),
    /** Percent. */
    maxDrawdown: percentage().nullable(),
    totalTrades: p.integer().check('total_trades >= 0').nullable(),
    marketType: p.enum(markets),
    status: p.enum(['queued', 'running', 'done', 'failed', 'cancelled'] as const),
    /** Percent done. */
    progress: percentage().check(rangeCheck('progress', 0, 100)),
    params: p.json<Record<string, unknown>>(),
    report: p.json<Record<string, unknown>>().nullable(),
    error: p.text().nullable(),
    createdAt: time(),
    updatedAt: time(),
  },
  checks: [{ name: 'backtests_dates_check', expression: 'start_date < end_date' }],
  indexes: [{ name: 'backtests_status_index', properties: ['status'] }],
});
export class Backtest extends BacktestSchema.class {}
BacktestSchema.setClass(Backtest);
