import { defineEntity, p } from '@mikro-orm/core';
import { pauseMinutesMax } from '../engine/trading/protection-columns.ts';
import { roundTripsMax } from '../engine/trading/round-trips.ts';
import { ApiKey } from './api-key.ts';
import { id, money, percentage, percentCheck, positiveCheck, rangeCheck, time } from './columns.ts';
import { User } from './user.ts';
import { markets, timeframes, venues } from './vocabulary.ts';

const percent = (column: string, most = 100) => percentage().check(percentCheck(column, most)).nullable();
const period = (column: string, least = 1) => p.integer().check(rangeCheck(column, least, 1_000));
const minutes = (column: string) =>
  p
    .integer()
    .check(rangeCheck(column, 1, pauseMinutesMax))
    .nullable();
const roundTrips = (column: string) =>
  p
    .integer()
    .check(rangeCheck(column, 1, roundTripsMax))
    .nullable();
const level = (column: string) => p.integer().check(rangeCheck(column, 0, 100));

/** One bot as its user wants it. `is_active` is the wish that it runs; README.md, docs/bots.md and the OpenAPI document explain the others. */
const BotConfigSchema = defineEntity({
  name: 'BotConfig',
  tableName: 'bot_configs',
  properties: {
    id: id(),
    user: () => p.manyToOne(User).deleteRule('restrict').index('bot_configs_user_id_index'),
    name: p.string().length(100),
    symbol: p.string().length(30),
    timeframe: p.enum(timeframes),
    isActive: p.boolean(),
    initialCapital: money().check(positiveCheck('initial_capital')),
    dailyTargetPerc: percent('daily_target_perc', 1_000),
    maxDailyLossPerc: percent('max_daily_loss_perc'),
    positionSizePerc: percent('position_size_perc'),
    positionSizeFixed: money().check(positiveCheck('position_size_fixed')).nullable(),
    stopLossPerc: percent('stop_loss_perc'),
    takeProfitPerc: percent('take_profit_perc', 1_000),
    trailingStopPerc: percent('trailing_stop_perc'),
    trailingStopActive: p.boolean(),
    emaFast: period('ema_fast'),
    emaSlow: period('ema_slow'),
    rsiPeriod: period('rsi_period', 2),
    rsiOversold: level('rsi_oversold'),
    rsiOverbought: level('rsi_overbought'),
    maxDailyTrades: p
      .integer()
      .check(rangeCheck('max_daily_trades', 1, 100_000))
      .nullable(),
    cooldownAfterLossMinutes: minutes('cooldown_after_loss_minutes'),
    stopGuardStops: roundTrips('stop_guard_stops'),
    stopGuardWindowMinutes: minutes('stop_guard_window_minutes'),
    stopGuardPauseMinutes: minutes('stop_guard_pause_minutes'),
    lowProfitTrades: roundTrips('low_profit_trades'),
    lowProfitWindowMinutes: minutes('low_profit_window_minutes'),
    lowProfitMinPerc: percentage()
      .check(rangeCheck('low_profit_min_perc', -100, 100))
      .nullable(),
    lowProfitPauseMinutes: minutes('low_profit_pause_minutes'),
    checkIntervalSeconds: p.integer().check(rangeCheck('check_interval_seconds', 1, 86_400)),
    apiKey: () => p.manyToOne(ApiKey).deleteRule('restrict').nullable().index('bot_configs_api_key_id_index'),
    strategy: p.string().length(50),
    emaPeriod: period('ema_period'),
    customEmaFast: period('custom_ema_fast').nullable(),
    customEmaSlow: period('custom_ema_slow').nullable(),
    customRsiPeriod: period('custom_rsi_period', 2).nullable(),
    customRsiOversold: level('custom_rsi_oversold').nullable(),
    customRsiOverbought: level('custom_rsi_overbought').nullable(),
    customStopLoss: percent('custom_stop_loss'),
    customTakeProfit: percent('custom_take_profit', 1_000),
    customTrailingStop: percent('custom_trailing_stop'),
    /** What the strategy reads beside the columns above; checked by `validateColumns`, because only the strategy knows it. */
    strategyParameters: p.json<Readonly<Record<string, unknown>>>().check("jsonb_typeof(strategy_parameters) = 'object'").nullable(),
    positionType: p.enum(markets),
    transferAmount: money().check('transfer_amount >= 0').nullable(),
    autoTransferFunds: p.boolean(),
    leverage: p.integer().check(rangeCheck('leverage', 1, 125)),
    mode: p.enum(['paper', 'live'] as const),
    venue: p.enum(venues),
    direction: p.enum(['long', 'short', 'both'] as const),
    marginType: p.enum(['isolated', 'crossed'] as const),
    /** Raised with every change; engines and PATCH compare it. */
    version: p.integer(),
    /** Set when the user deleted the bot: its orders and trades stay. */
    deletedAt: time().nullable(),
    createdAt: time(),
    updatedAt: time(),
  },
  checks: [
    {
      name: 'bot_configs_rsi_levels_check',
      expression: 'coalesce(custom_rsi_oversold, rsi_oversold) < coalesce(custom_rsi_overbought, rsi_overbought)',
    },
    { name: 'bot_configs_ema_periods_check', expression: 'coalesce(custom_ema_fast, ema_fast) < coalesce(custom_ema_slow, ema_slow)' },
    {
      name: 'bot_configs_stop_guard_check',
      expression: 'num_nulls(stop_guard_stops, stop_guard_window_minutes, stop_guard_pause_minutes) in (0, 3)',
    },
    {
      name: 'bot_configs_low_profit_check',
      expression: 'num_nulls(low_profit_trades, low_profit_window_minutes, low_profit_min_perc, low_profit_pause_minutes) in (0, 4)',
    },
    { name: 'bot_configs_position_size_check', expression: 'position_size_perc is not null or position_size_fixed is not null' },
  ],
  indexes: [
    { name: 'bot_configs_active_index', properties: ['id'], where: 'is_active and deleted_at is null' },
    { name: 'bot_configs_symbol_index', properties: ['symbol'] },
  ],
});
export class BotConfig extends BotConfigSchema.class {}
BotConfigSchema.setClass(BotConfig);
