/** Verdicts on closed candles as the API shows them, and the times that ask for them. */
import { Type } from 'typebox';
import type { DecisionRow } from '../../engine/persistence/decision-store.ts';
import { outcomes, verdictRules } from '../../engine/trading/verdict.ts';
import { missingReasons } from '../no-verdict.ts';
import { fieldProblem } from '../problem.ts';
import { nullable, pageQuery } from './common.ts';

const instant = (description: string) => Type.Optional(Type.String({ maxLength: 40, description: `${description} RFC 3339, or ms UTC.` }));

export const decisionsQuery = Type.Object(
  {
    from: instant('Closes at or after.'),
    to: instant('Closes at or before.'),
    cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$', description: 'The nextCursor of the page before.' })),
    limit: pageQuery.properties.limit,
  },
  { additionalProperties: false },
);

export const explainQuery = Type.Object(
  { at: instant('The newest candle that had closed by then is explained; the newest decision when absent.') },
  { additionalProperties: false },
);

const value = nullable(Type.Number({ description: 'Null while the indicator warmed up.' }));
const decisionSchema = Type.Object(
  {
    close_time: Type.String(),
    close: Type.Number(),
    config_version: Type.Integer({ description: "The bot's version that it was decided with." }),
    strategy: Type.String(),
    timeframe: Type.String(),
    outcome: Type.Enum([...outcomes]),
    rule: nullable(Type.Enum([...verdictRules], { description: 'The first rule that said no; null when something was done.' })),
    reason: nullable(Type.String({ description: "Beyond the signal's reason; null when that says it all." })),
    signal: Type.Object({ action: Type.String(), reason: Type.String() }),
    position_open: Type.Boolean({ description: 'Whether a position was open when the candle closed.' }),
    indicators: Type.Array(Type.Object({ name: Type.String(), current: value, previous: value })),
  },
  { additionalProperties: false },
);

export const decisionPage = Type.Object({ items: Type.Array(decisionSchema), nextCursor: nullable(Type.String()) });

const conditionSchema = Type.Object({ met: Type.Boolean(), text: Type.String() });

export const explanationSchema = Type.Object(
  {
    bot_config_id: Type.String(),
    explanation: Type.String({ description: 'One sentence with the numbers.' }),
    next_decision_at: nullable(Type.String({ description: 'Null while the bot does not run.' })),
    decision: nullable(decisionSchema),
    missing: nullable(Type.Enum([...missingReasons], { description: 'Why there is no decision on that candle; null when there is one.' })),
    conditions: nullable(
      Type.Object(
        { entry: Type.Array(conditionSchema), exits: Type.Array(Type.Array(conditionSchema)) },
        {
          description: 'What the strategy tested: it enters when all of entry are met, and leaves when all of one of the exits are.',
        },
      ),
    ),
    orders: Type.Array(
      Type.Object({ client_order_id: Type.String(), role: Type.String(), state: Type.String(), executed_quantity: Type.String() }),
      { description: 'Orders that were decided on at this close.' },
    ),
  },
  { additionalProperties: false },
);

const known = (number: number | undefined): number | null => (number === undefined || !Number.isFinite(number) ? null : number);

export function decisionView({ settings, values, closeMs, ...row }: DecisionRow) {
  const { indicators } = settings;
  return {
    close_time: new Date(closeMs).toISOString(),
    close: row.close,
    config_version: settings.version,
    strategy: settings.strategy,
    timeframe: settings.timeframe,
    outcome: row.outcome,
    rule: row.rule,
    reason: row.reason,
    signal: { action: row.signal.action, reason: row.signal.reason },
    position_open: row.positionOpen,
    indicators: indicators.map((name, index) => ({
      name,
      current: known(values[index]),
      previous: known(values[index + indicators.length]),
    })),
  };
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
/** What a Date holds. */
const latestMs = 8_640_000_000_000_000;

/** Times of a query as ms UTC; undefined where absent. Throws a problem that names every one that is none. */
export function instantsOf<K extends string>(texts: Readonly<Record<K, string | undefined>>): Record<K, number | undefined> {
  const problems: { field: string; detail: string }[] = [];
  const read = (field: string, text: string | undefined): number | undefined => {
    if (text === undefined) return undefined;
    const ms = /^\d{1,16}$/.test(text) ? Number(text) : rfc3339.test(text) ? Date.parse(text) : Number.NaN;
    if (ms <= latestMs) return ms;
    problems.push({ field, detail: `"${text}" is neither a time like 2024-05-06T14:05:00Z nor milliseconds UTC` });
    return undefined;
  };
  const instants = Object.fromEntries(
    Object.entries<string | undefined>(texts).map(([field, text]) => [field, read(field, text)]),
  ) as Record<K, number | undefined>;
  if (problems.length > 0) throw fieldProblem('invalid-request', problems);
  return instants;
}
