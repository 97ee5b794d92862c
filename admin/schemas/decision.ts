/** Verdicts on closed candles as the API shows them, and the times that ask for them. */
import { Type } from 'typebox';
import type { Static } from 'typebox';
import type { DecisionRow } from '../../engine/persistence/decision-store.ts';
import { outcomes, verdictRules } from '../../engine/trading/verdict.ts';
import { orderRoles, orderStates, timeframes } from '../../entities/vocabulary.ts';
import { missingReasons } from '../no-verdict.ts';
import { idText, pageQuery, pageSchema } from './common.ts';
import { amount, answerOf, choice, flag, integer, list, number, object, orNull, text, time } from './fields.ts';
import { instant } from './instants.ts';

export const decisionsQuery = object({
  from: instant('Closes at or after.'),
  to: instant('Closes at or before.'),
  after: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$', description: 'The next_cursor of the page before.' })),
  limit: pageQuery.properties.limit,
});

export const explainQuery = object({
  at: instant('The newest candle that had closed by then is explained; the newest decision when absent.'),
});

const decisionSchema = object({
  close_time: time('Close of the candle, by the venue.'),
  close: amount('Its closing price, quote.'),
  config_version: integer("The bot's version that it was decided with."),
  strategy: text('Strategy that it was decided with.'),
  timeframe: choice(timeframes, 'Length of the candle.'),
  outcome: choice(outcomes, 'What was done.'),
  rule: orNull(choice([...verdictRules], 'The first rule that said no; null when something was done.')),
  reason: orNull(text("Beyond the signal's reason; null when that says it all.")),
  signal: object(
    { action: text('enter-long, exit or hold.'), reason: text('Why, in words.') },
    'What the strategy said, or why it was not asked.',
  ),
  position_open: flag('Whether a position was open when the candle closed.'),
  indicators: list(
    object({
      name: text('Indicator with its parameters, e.g. ema:12.'),
      current: orNull(number('Value at the close; null while the indicator warmed up.')),
      previous: orNull(number('Value one candle before.')),
    }),
    'What the strategy looked at.',
  ),
});

export const decisionPage = pageSchema(decisionSchema);

const conditionSchema = object({ met: flag('Whether it held at the close.'), text: text('The comparison with its numbers.') });

export const orderOfDecision = object({
  client_order_id: text('Our id of the order.'),
  role: choice(orderRoles, 'What it is for.'),
  state: choice(orderStates, 'How far it has come.'),
  executed_quantity: amount('Base coins that were executed.'),
});

export const explanationSchema = object({
  bot_config_id: idText('Bot id.'),
  explanation: text('One sentence with the numbers.'),
  next_decision_at: orNull(time('When it decides next, by the venue; null while the bot does not run.')),
  decision: orNull({ ...decisionSchema, description: 'The verdict on that candle; null when there is none.' }),
  missing: orNull(choice(missingReasons, 'Why there is no decision on that candle; null when there is one.')),
  conditions: orNull(
    object(
      {
        entry: list(conditionSchema, 'It enters when all of them are met.'),
        exits: list(Type.Array(conditionSchema), 'It leaves when all of one of them are met.'),
      },
      'What the strategy tested; null where this build does not know the strategy as it was then.',
    ),
  ),
  orders: list(orderOfDecision, 'Orders that were decided on at this close.'),
});

const known = (value: number | undefined): number | null => (value === undefined || !Number.isFinite(value) ? null : value);

export function decisionView({ settings, values, closeMs, ...row }: DecisionRow): Static<typeof decisionSchema> {
  const { indicators } = settings;
  return answerOf(decisionSchema, {
    close_time: closeMs,
    close: row.close,
    config_version: settings.version,
    strategy: settings.strategy,
    timeframe: settings.timeframe,
    outcome: row.outcome,
    rule: row.rule,
    reason: row.reason,
    signal: row.signal,
    position_open: row.positionOpen,
    indicators: indicators.map((name, index) => ({
      name,
      current: known(values[index]),
      previous: known(values[index + indicators.length]),
    })),
  });
}
