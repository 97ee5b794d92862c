/**
 * A bot as the API reads and writes it: its columns as the table tells them, by the names of `bot_configs`, the same for both ways.
 * Ranges are judged by `validateColumns`.
 */
import type { Decimal } from 'decimal.js';
import { Type } from 'typebox';
import type { TOptional, TSchema, TUnsafe } from 'typebox';
import { columnList, isRequired } from '../../engine/trading/bot-columns.ts';
import type { BotColumns, ColumnKey, NamedColumn, RequiredKey } from '../../engine/trading/bot-columns.ts';
import { idText, pageSchema } from './common.ts';
import { amount, choice, flag, integer, number, object, orNull, text, time } from './fields.ts';

/** More than any strategy has. */
const parametersMax = 50;

function fieldOf(column: NamedColumn): TSchema {
  const { text: description } = column;
  switch (column.kind) {
    case 'money':
      return amount(description);
    case 'percent':
    case 'whole':
      return number(description);
    case 'flag':
      return flag(description);
    case 'text':
      return Type.String({
        ...(column.shortest === undefined ? {} : { minLength: column.shortest }),
        maxLength: column.longest,
        description,
      });
    case 'choice':
      return choice(column.words, description);
    case 'parameters':
      // Any numbers: which names and values a strategy takes is judged by `validateColumns`, and told by openapi.ts.
      return Type.Unsafe({ type: 'object', additionalProperties: { type: 'number' }, maxProperties: parametersMax, description });
    default:
      return column satisfies never;
  }
}

type SnakeCase<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : '';
type Json<Value> = Value extends Decimal ? string : Value extends object ? Record<string, number> : Value;
type Field<Key extends ColumnKey> = TUnsafe<Json<BotColumns[Key]>>;

/** A field for each column. Whoever makes them says their types. */
const fieldsOf = (make: (column: NamedColumn) => TSchema): unknown =>
  Object.fromEntries(columnList.map((column) => [column.name, make(column)]));

const answered = (column: NamedColumn): TSchema => (column.default === null ? orNull(fieldOf(column)) : fieldOf(column));

/** As a body has the column: amounts may be JSON numbers, too, as far as those are exact. */
function taken(column: NamedColumn): TSchema {
  const { format, type, ...rest } = answered(column) as { readonly format?: string; readonly type?: string | readonly string[] };
  return format === 'decimal' ? Type.Unsafe({ ...rest, type: ['number', ...[type ?? []].flat()] }) : answered(column);
}

const confirmation = {
  confirm_name: Type.Optional(Type.String({ maxLength: 100, description: "The bot's name once more: it shall trade real money." })),
};

const columns = fieldsOf(answered) as { readonly [Key in ColumnKey as SnakeCase<Key>]: Field<Key> };
const created = fieldsOf((column) => (isRequired(column) ? taken(column) : Type.Optional(taken(column)))) as {
  readonly [Key in ColumnKey as SnakeCase<Key>]: Key extends RequiredKey ? Field<Key> : TOptional<Field<Key>>;
};
const changed = fieldsOf((column) => Type.Optional(taken(column))) as {
  readonly [Key in ColumnKey as SnakeCase<Key>]: TOptional<Field<Key>>;
};

export const createBotBody = object({ ...created, ...confirmation });

export const changeBotBody = Type.Object(
  {
    ...changed,
    ...confirmation,
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
