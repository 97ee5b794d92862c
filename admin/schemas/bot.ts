/**
 * A bot as the API reads and writes it: the columns of `bot_configs` by their own names, each told once for both ways. Ranges are
 * judged by `validateColumns`.
 */
import { Type } from 'typebox';
import type { TOptional, TSchema } from 'typebox';
import { timeframes } from '../../engine/trading/candle.ts';
import { idText, pageSchema } from './common.ts';
import { amount, choice, flag, integer, number, object, orNull, text, time } from './fields.ts';

const name = Type.String({ minLength: 1, maxLength: 100, description: 'What its user calls it.' });
const symbol = Type.String({ minLength: 1, maxLength: 30, description: 'Symbol of the venue, e.g. BTCUSDT.' });
const timeframe = Type.String({ maxLength: 10, description: `Length of its candles: ${timeframes.join(', ')}.` });
const strategy = Type.String({ maxLength: 50, description: 'Name of its strategy: see GET /v1/strategies.' });
const capital = amount('Budget, quote.');

/** More than any strategy has. */
const parametersMax = 50;
/** Any numbers: which names and values a strategy takes is judged by `validateColumns`, and told by openapi.ts. */
const strategyParameters = Type.Unsafe<Record<string, number> | null>({
  type: ['object', 'null'],
  additionalProperties: { type: 'number' },
  maxProperties: parametersMax,
  description:
    'Parameters that the strategy has beside the columns (GET /v1/strategies/{name}/schema), as a whole: those left out have their defaults.',
});

/** All columns that a user writes. Which of them may change when: `engine/trading/edit-rules.ts`. */
const columns = {
  name,
  symbol,
  timeframe,
  strategy,
  initial_capital: capital,
  is_active: flag('Whether it shall run: said at its creation, later by the commands start and stop.'),
  mode: choice(['paper', 'live'], 'paper trades nothing real, and is meant when absent; live needs confirm_name.'),
  position_size_perc: orNull(number('Entry notional, percent of equity.')),
  position_size_fixed: orNull(amount('Entry notional, quote; wins over the percentage.')),
  stop_loss_perc: orNull(number('Percent below the average entry price.')),
  take_profit_perc: orNull(number('Percent above the average entry price.')),
  trailing_stop_perc: orNull(number('Percent below the best price since entry.')),
  trailing_stop_active: flag('Whether the trailing stop is used.'),
  daily_target_perc: orNull(
    number("Day's realised profit in percent of day-start equity after which nothing is entered until UTC midnight."),
  ),
  max_daily_loss_perc: orNull(
    number("Day's loss in percent of day-start equity at which the position is closed and nothing is entered until UTC midnight."),
  ),
  max_daily_trades: orNull(number('Entries per UTC day.')),
  cooldown_after_loss_minutes: orNull(
    number('No entry for so many minutes after a round trip that lost. docs/protections.md explains these.'),
  ),
  stop_guard_stops: orNull(number('Stop guard: so many stop-outs within the window begin a pause. Its columns are set together.')),
  stop_guard_window_minutes: orNull(number('Stop guard: its window, minutes.')),
  stop_guard_pause_minutes: orNull(number('Stop guard: no entry for so many minutes.')),
  low_profit_trades: orNull(number('Low profit: judged from so many round trips within the window on. Its columns are set together.')),
  low_profit_window_minutes: orNull(number('Low profit: its window, minutes.')),
  low_profit_min_perc: orNull(number('Low profit: least net result in percent of what was spent; may be negative.')),
  low_profit_pause_minutes: orNull(number('Low profit: no entry for so many minutes.')),
  check_interval_seconds: number('Least time between two checks of stops inside a candle, seconds.'),
  ema_fast: number('Length of the fast EMA, candles.'),
  ema_slow: number('Length of the slow EMA, candles.'),
  ema_period: number('Length of the trend EMA, candles.'),
  rsi_period: number('Length of the RSI, candles.'),
  rsi_oversold: number('RSI at or below it is oversold, 0 to 100.'),
  rsi_overbought: number('RSI at or above it is overbought, 0 to 100.'),
  custom_ema_fast: orNull(number('Overrides ema_fast.')),
  custom_ema_slow: orNull(number('Overrides ema_slow.')),
  custom_rsi_period: orNull(number('Overrides rsi_period.')),
  custom_rsi_oversold: orNull(number('Overrides rsi_oversold.')),
  custom_rsi_overbought: orNull(number('Overrides rsi_overbought.')),
  custom_stop_loss: orNull(number('Overrides stop_loss_perc.')),
  custom_take_profit: orNull(number('Overrides take_profit_perc.')),
  custom_trailing_stop: orNull(number('Overrides trailing_stop_perc.')),
  strategy_parameters: strategyParameters,
  direction: Type.String({ maxLength: 10, description: 'long; short and both are for futures.' }),
  venue: Type.String({ maxLength: 30, description: "Where its orders go; the engine's own venue when absent." }),
  position_type: Type.String({ maxLength: 10, description: 'spot; futures bots are refused.' }),
  leverage: number('For futures; 1 on spot.'),
  margin_type: choice(['isolated', 'crossed'], 'For futures.'),
  transfer_amount: orNull(amount('For futures: quote of one top-up from spot.')),
  auto_transfer_funds: flag('For futures: whether it is topped up from spot.'),
};

type Asked<Columns> = { [Name in keyof Columns]: Columns[Name] extends TSchema ? TOptional<Columns[Name]> : never };

/** As a body has the column: amounts may be JSON numbers, too, as far as those are exact. */
function taken<Column extends TSchema>(column: Column): Column {
  const { format, type, ...rest } = column as { readonly format?: string; readonly type?: string | readonly string[] };
  return format === 'decimal' ? (Type.Unsafe({ ...rest, type: ['number', ...[type ?? []].flat()] }) as TSchema as Column) : column;
}

/** The columns as a body has them: each may be absent. */
function asked<Columns extends Readonly<Record<string, TSchema>>>(answered: Columns): Asked<Columns> {
  return Object.fromEntries(Object.entries(answered).map(([name, column]) => [name, Type.Optional(taken(column))])) as Asked<Columns>;
}

const body = {
  ...asked(columns),
  confirm_name: Type.Optional(Type.String({ maxLength: 100, description: "The bot's name once more: it shall trade real money." })),
};

export const createBotBody = object({
  ...body,
  name,
  symbol,
  timeframe,
  strategy,
  initial_capital: taken(capital),
});

export const changeBotBody = Type.Object(
  {
    ...body,
    version: Type.Optional(Type.Integer({ description: 'Refuse the change when the bot has another version by now (or send If-Match).' })),
  },
  { additionalProperties: false, minProperties: 1 },
);

export const botSchema = object({
  id: idText('Bot id.'),
  ...columns,
  api_key_id: orNull(idText("Id of the exchange key that it trades with; null for the engine's own.")),
  version: integer('Raised with every change; also its ETag.'),
  created_at: time('When it was created.'),
  updated_at: time('When its columns were changed last.'),
  is_running: flag('Whether an engine runs it.'),
  status_message: orNull(text('Why it did what it did last, or does nothing, in words; null before it ran first.')),
  last_execution: orNull(time('Close of the newest candle that it decided on, by the venue.')),
  lock_holder: orNull(text('The engine that runs it.')),
  position_quantity: amount('Base coins held by the open position; 0 when flat.'),
  dust_quantity: amount(
    'Base coins left over by closed positions, too few for the exchange to sell; they are sold with the next position.',
  ),
  entry_price: orNull(amount('Average price of the open position without fees, quote, to 12 digits; null when flat.')),
  last_price: orNull(
    amount(
      'Price that the engine heard last, quote. When another engine runs the bot, or none: the one that engine wrote last, at a close, at an execution, and every 30 s while a live bot holds something. Null before the first.',
    ),
  ),
  last_price_at: orNull(time('When that price was heard, by the venue; null where that was not written.')),
  unrealized_pnl: orNull(
    amount('What the open position would gain at the last price, entry fees taken off, quote; 0 when flat, null while no price is known.'),
  ),
  realized_pnl: amount('What its closed trades have gained since it was created, net of fees, quote.'),
});

export const botPage = pageSchema(botSchema);
