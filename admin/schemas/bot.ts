/** A bot as the API reads and writes it: the columns of `bot_configs` by their own names. Ranges are judged by `validateColumns`. */
import { Type } from 'typebox';
import { timeframes } from '../../engine/trading/candle.ts';
import { nullable } from './common.ts';

/** Decimal text; a JSON number is taken too, as far as it is exact. */
const money = (description: string) => Type.Unsafe<string | number>({ type: ['string', 'number'], description });
const moneyOrNull = (description: string) => Type.Unsafe<string | number | null>({ type: ['string', 'number', 'null'], description });
const numberOrNull = (description: string) => Type.Unsafe<number | null>({ type: ['number', 'null'], description });
const number = (description: string) => Type.Number({ description });

/** All columns that a user writes, optional here. Which of them may change when: `engine/trading/edit-rules.ts`. */
const columns = {
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  initial_capital: Type.Optional(money('Budget in quote.')),
  daily_target_perc: Type.Optional(
    numberOrNull("Day's realised profit in percent of day-start equity after which nothing is entered until UTC midnight."),
  ),
  max_daily_loss_perc: Type.Optional(
    numberOrNull("Day's loss in percent of day-start equity at which the position is closed and nothing is entered until UTC midnight."),
  ),
  position_size_perc: Type.Optional(numberOrNull('Entry notional in percent of equity.')),
  position_size_fixed: Type.Optional(moneyOrNull('Entry notional in quote; wins over the percentage.')),
  stop_loss_perc: Type.Optional(numberOrNull('Percent below the average entry price.')),
  take_profit_perc: Type.Optional(numberOrNull('Percent above the average entry price.')),
  trailing_stop_perc: Type.Optional(numberOrNull('Percent below the best price since entry.')),
  trailing_stop_active: Type.Optional(Type.Boolean()),
  ema_fast: Type.Optional(number('Candles.')),
  ema_slow: Type.Optional(number('Candles.')),
  ema_period: Type.Optional(number('Candles of the trend EMA.')),
  rsi_period: Type.Optional(number('Candles.')),
  rsi_oversold: Type.Optional(number('0 to 100.')),
  rsi_overbought: Type.Optional(number('0 to 100.')),
  max_daily_trades: Type.Optional(numberOrNull('Entries per UTC day.')),
  cooldown_after_loss_minutes: Type.Optional(
    numberOrNull('No entry for so long after a round trip that lost. docs/protections.md explains these.'),
  ),
  stop_guard_stops: Type.Optional(
    numberOrNull('Stop guard: so many stop-outs within the window begin a pause. Its columns are set together.'),
  ),
  stop_guard_window_minutes: Type.Optional(numberOrNull('Stop guard: its window.')),
  stop_guard_pause_minutes: Type.Optional(numberOrNull('Stop guard: no entry for so long.')),
  low_profit_trades: Type.Optional(
    numberOrNull('Low profit: judged from so many round trips within the window on. Its columns are set together.'),
  ),
  low_profit_window_minutes: Type.Optional(numberOrNull('Low profit: its window.')),
  low_profit_min_perc: Type.Optional(numberOrNull('Low profit: least net result in percent of what was spent; may be negative.')),
  low_profit_pause_minutes: Type.Optional(numberOrNull('Low profit: no entry for so long.')),
  check_interval_seconds: Type.Optional(number('Least time between two checks of stops inside a candle.')),
  custom_ema_fast: Type.Optional(numberOrNull('Overrides ema_fast.')),
  custom_ema_slow: Type.Optional(numberOrNull('Overrides ema_slow.')),
  custom_rsi_period: Type.Optional(numberOrNull('Overrides rsi_period.')),
  custom_rsi_oversold: Type.Optional(numberOrNull('Overrides rsi_oversold.')),
  custom_rsi_overbought: Type.Optional(numberOrNull('Overrides rsi_overbought.')),
  custom_stop_loss: Type.Optional(numberOrNull('Overrides stop_loss_perc.')),
  custom_take_profit: Type.Optional(numberOrNull('Overrides take_profit_perc.')),
  custom_trailing_stop: Type.Optional(numberOrNull('Overrides trailing_stop_perc.')),
  transfer_amount: Type.Optional(moneyOrNull('Futures: amount of one top-up from spot.')),
  auto_transfer_funds: Type.Optional(Type.Boolean()),
  leverage: Type.Optional(number('Futures.')),
  strategy: Type.Optional(Type.String({ maxLength: 50 })),
  timeframe: Type.Optional(Type.String({ maxLength: 10, description: timeframes.join(', ') })),
  mode: Type.Optional(Type.Enum(['paper', 'live'], { description: 'paper when absent; live needs confirm_name.' })),
  confirm_name: Type.Optional(Type.String({ maxLength: 100, description: "The bot's name once more: it shall trade real money." })),
  direction: Type.Optional(Type.String({ maxLength: 10 })),
  margin_type: Type.Optional(Type.Enum(['isolated', 'crossed'])),
  symbol: Type.Optional(Type.String({ minLength: 1, maxLength: 30 })),
  venue: Type.Optional(Type.String({ maxLength: 30, description: "The engine's own when absent." })),
  position_type: Type.Optional(Type.String({ maxLength: 10 })),
  is_active: Type.Optional(Type.Boolean({ description: 'Start it at once; later the commands start and stop change it.' })),
};

export const createBotBody = Type.Object(
  {
    ...columns,
    name: Type.String({ minLength: 1, maxLength: 100 }),
    symbol: Type.String({ minLength: 1, maxLength: 30 }),
    timeframe: Type.String({ maxLength: 10, description: timeframes.join(', ') }),
    strategy: Type.String({ maxLength: 50, description: 'See GET /v1/strategies.' }),
    initial_capital: money('Budget in quote.'),
  },
  { additionalProperties: false },
);

export const changeBotBody = Type.Object(
  {
    ...columns,
    version: Type.Optional(Type.Integer({ description: 'Refuse the change when the bot has another version by now (or send If-Match).' })),
  },
  { additionalProperties: false, minProperties: 1 },
);

export const botSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    symbol: Type.String(),
    timeframe: Type.String(),
    strategy: Type.String(),
    mode: Type.String(),
    venue: Type.String(),
    is_active: Type.Boolean(),
    initial_capital: Type.String(),
    version: Type.Integer(),
    is_running: Type.Boolean(),
    status_message: nullable(Type.String()),
    last_execution: nullable(Type.String()),
    position_quantity: Type.String({ description: 'Base coins held by the open position; 0 when flat.' }),
    dust_quantity: Type.String({
      description: 'Base coins left over by closed positions, too few for the exchange to sell; they are sold with the next position.',
    }),
  },
  { additionalProperties: true },
);

export const botPage = Type.Object({ items: Type.Array(botSchema), nextCursor: nullable(Type.String()) });
