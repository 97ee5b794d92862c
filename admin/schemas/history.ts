/** Trades, orders and the stored state of a bot, as the API shows them. What of a row only the engine needs is left out. */
import { Type } from 'typebox';
import { markets, orderRoles, orderStates, orderTypes, sides } from '../../entities/vocabulary.ts';
import { exitKinds } from '../../engine/trading/state.ts';
import { idText, pageQuery, pageSchema } from './common.ts';
import { amount, choice, flag, integer, list, object, orNull, text, time } from './fields.ts';
import { instant } from './instants.ts';

const span = { from: instant('Executed at or after.'), to: instant('Executed at or before.') };

/** Of one bot. */
export const tradesQuery = object({ ...span, ...pageQuery.properties });

/** Of all bots. */
export const allTradesQuery = object({
  bot_config_id: Type.Optional(idText('Only of this bot: its id.')),
  symbol: Type.Optional(Type.String({ minLength: 1, maxLength: 30, description: 'Only in this symbol.' })),
  ...span,
  ...pageQuery.properties,
});

export const tradePage = pageSchema(
  object({
    id: idText('Trade id.'),
    bot_config_id: idText('Bot id.'),
    bot_name: text("The bot's name, as it is now or was when the bot was deleted."),
    user_id: idText("The bot's user."),
    venue: text('Where it was executed.'),
    account: orNull(text('Account that it was executed on; null in rows of old engines.')),
    market: choice(markets, 'Market of the venue.'),
    symbol: text('Symbol of the venue.'),
    binance_order_id: text("The exchange's id of the order, unique in its symbol."),
    client_order_id: text('Our id of the order.'),
    side: choice(sides, 'BUY or SELL.'),
    order_type: choice(orderTypes, "Type of the order, in the exchange's words."),
    price: amount('Average price of its executions, quote.'),
    quantity_filled: amount('Base coins that were executed.'),
    quote_quantity_filled: amount('What they cost or brought, quote.'),
    commission_amount: amount('What the exchange took for it, in commission_asset.'),
    commission_asset: text('Asset that the commission was paid in.'),
    pnl: amount('Of a sale: what it brought minus what the coins had cost, quote; 0 for a purchase.'),
    realized_pnl: amount('The same, net of the fees of sale and purchase, quote.'),
    timestamp: time('Newest of its executions, by the venue.'),
  }),
);

export const orderPage = pageSchema(
  object({
    id: idText('Order id.'),
    bot_config_id: idText('Bot id.'),
    user_id: idText("The bot's user."),
    venue: text('Where it was sent.'),
    account: text('Account that it was sent on.'),
    market: choice(markets, 'Market of the venue.'),
    symbol: text('Symbol of the venue.'),
    client_order_id: text('Our id of it, which the exchange knows it by.'),
    exchange_order_id: orNull(text("The exchange's id of it; null while that is not known.")),
    role: choice(orderRoles, 'What it is for: entry opens a position, exit closes it; stop and target rest and close it when reached.'),
    exit_kind: orNull(choice(exitKinds, 'What made the engine close the position; null for other roles, and where that is not known.')),
    decided_at: time('Close of the candle that it was decided at, or the time of the event behind it, by the venue.'),
    attempt: integer('Which order of that decision it is, from 1 on.'),
    side: choice(sides, 'BUY or SELL.'),
    type: choice(orderTypes, "In the exchange's words."),
    quantity: amount('Base coins that it is for.'),
    reference_price: amount('Price that it was sized with, quote.'),
    price: orNull(amount('Limit price, quote; null for orders at market.')),
    stop_price: orNull(amount('Price that triggers it, quote; null for orders that wait for none.')),
    reserved_quote: orNull(amount('What a live entry takes from the account at most, in quote_asset; null for all others.')),
    quote_asset: orNull(text('Asset of the reservation; null where there is none.')),
    reason: text('Why it was decided, in words.'),
    state: choice(
      orderStates,
      'intended: durable, not answered yet. unknown: its fate is being found out. accepted: the exchange has it. The others are ends; never-placed: the exchange never had it.',
    ),
    signed_at: time("Timestamp of its signature, by the venue's clock."),
    recv_window_ms: integer('How long after that the exchange took it, ms.'),
    executed_quantity: amount('Base coins that were executed.'),
    executed_quote: amount('What they cost or brought, quote.'),
    resolved_at: orNull(time('When its end was known; null while it is not over.')),
    created_at: time('When it became durable.'),
    updated_at: time('When its row was written last.'),
  }),
);

const stateData = object(
  {
    position: object(
      {
        quantity: amount('Base coins, dust included.'),
        cost: amount('What they cost without fees, quote.'),
        entry_fees: amount('What their purchase took in fees, quote.'),
        opened_at: orNull(time('When it became more than dust; null when flat.')),
      },
      'The fold of all executions.',
    ),
    realized_pnl: amount('What closed trades have gained since the bot was created, net of fees, quote.'),
    day: orNull(
      object(
        {
          started_at: time('Midnight, UTC.'),
          start_equity: amount('Equity at its start, quote.'),
          equity: orNull(amount('Equity as last written, quote.')),
          capital: orNull(amount('Budget when it was written, quote.')),
          loss_reached: flag('Whether the loss limit of the day was reached.'),
        },
        'The UTC day that the bot traded in last; null before the first.',
      ),
    ),
    notices: list(
      object({
        topic: choice(['daily-loss-warning', 'daily-loss-reached', 'daily-target-reached'], 'What came about.'),
        day: time('The day it is about: midnight, UTC.'),
        at: time('When.'),
        reason: text('In words.'),
      }),
      'What was told of the day and the one before.',
    ),
    last_price: orNull(amount('Price that its engine wrote last, quote.')),
    last_price_at: orNull(time('When that price was heard, by the venue.')),
    best_price: orNull(amount('Highest price since the entry, quote; null when flat or not known.')),
    paused_reason: orNull(text('Why a user paused entries; null when they are not paused.')),
    held_reason: orNull(text('Why nothing is entered until a user resumes; null when nothing is held back.')),
    closing: orNull(
      object(
        {
          reason: text('Why.'),
          decided_at: time('When it was asked for, by the venue.'),
          opened_at: orNull(time('Opening of the position that it is about; null when that was being entered.')),
        },
        'The close that somebody asked for and that has not come to its end; null when there is none.',
      ),
    ),
  },
  'What the engine keeps of the bot beside its orders and executions.',
);

export const stateSchema = object({
  bot_config_id: idText('Bot id.'),
  is_running: flag('Whether an engine runs it.'),
  status_message: text('Why it did what it did last, or does nothing, in words.'),
  last_execution: orNull(time('Close of the newest candle that it decided on, by the venue.')),
  state_data: stateData,
  lock_holder: orNull(text('The engine that runs it.')),
  lock_epoch: text('Counts the engines that had it: writes of an earlier one have no effect.'),
  updated_at: orNull(time('When this was written last; null when the bot has never run.')),
});
