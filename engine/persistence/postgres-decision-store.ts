/**
 * The decision ledger over PostgreSQL. One set-based statement per flush; what is equal for all closes of a configuration
 * (strategy, parameters, indicator names) is a row of its own, written once.
 */
import type { Pool } from 'pg';
import type { SignalAction, StrategyParameters } from '../strategies/strategy.ts';
import type { Timeframe } from '../trading/candle.ts';
import type { Outcome, VerdictRule } from '../trading/verdict.ts';
import type { DecisionRow, DecisionSettings, DecisionStore } from './decision-store.ts';

const insertSettings = `
insert into decision_settings (bot_config_id, version, strategy, timeframe, parameters, indicators)
select * from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[])
on conflict do nothing`;

/** Arrays of arrays do not pass through `unnest`: a row's values travel as their text. */
const insertDecisions = `
insert into decisions (bot_config_id, close_ms, close, version, position_open, outcome, rule, signal, signal_reason, reason, indicator_values)
select w.bot, w.close_ms, w.close, w.version, w.position_open, w.outcome, w.rule, w.signal, w.signal_reason, w.reason, w.vals::float8[]
from unnest($1::bigint[], $2::bigint[], $3::float8[], $4::int[], $5::boolean[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[])
  as w(bot, close_ms, close, version, position_open, outcome, rule, signal, signal_reason, reason, vals)
on conflict do nothing`;

/** Replicas that prune at the same time share the work: rows that another one deletes are passed over. */
const pruneDecisions = `
delete from decisions where ctid = any(array(
  select ctid from decisions where close_ms < $1 order by close_ms limit $2 for update skip locked))`;

/** Of configurations that changed and whose last verdict is gone. */
const pruneSettings = `
delete from decision_settings s using bot_configs c
where c.id = s.bot_config_id and s.version < c.version
  and not exists (select 1 from decisions d where d.bot_config_id = s.bot_config_id and d.version = s.version)`;

const select = `
select d.bot_config_id::text, d.close_ms::text, d.close, d.version, d.position_open, d.outcome, d.rule, d.signal, d.signal_reason, d.reason, d.indicator_values,
       s.strategy, s.timeframe, s.parameters, s.indicators
from decisions d join decision_settings s on s.bot_config_id = d.bot_config_id and s.version = d.version
where d.bot_config_id = $1`;

interface DecisionRecord {
  readonly bot_config_id: string;
  readonly close_ms: string;
  readonly close: number;
  readonly version: number;
  readonly position_open: boolean;
  readonly outcome: Outcome;
  readonly rule: VerdictRule | null;
  readonly signal: SignalAction;
  readonly signal_reason: string;
  readonly reason: string | null;
  readonly indicator_values: number[];
  readonly strategy: string;
  readonly timeframe: Timeframe;
  readonly parameters: StrategyParameters;
  readonly indicators: string[];
}

export function createPostgresDecisionStore(pool: Pool): DecisionStore {
  /** Settings that this process has written. */
  const written = new WeakSet<DecisionSettings>();
  const read = async (rest: string, values: readonly unknown[]): Promise<DecisionRow[]> => {
    const { rows } = await pool.query<DecisionRecord>(`${select} ${rest}`, [...values]);
    return rows.map(decisionRow);
  };
  return {
    async append(rows) {
      if (rows.length === 0) return;
      const settings = [...new Set(rows.map((row) => row.settings))].filter((one) => !written.has(one));
      if (settings.length > 0) {
        await pool.query({
          name: 'append-decision-settings',
          text: insertSettings,
          values: [
            settings.map((one) => one.botId),
            settings.map((one) => one.version),
            settings.map((one) => one.strategy),
            settings.map((one) => one.timeframe),
            settings.map((one) => JSON.stringify(one.parameters)),
            settings.map((one) => JSON.stringify(one.indicators)),
          ],
        });
        for (const one of settings) written.add(one);
      }
      const column = <T>(pick: (row: DecisionRow) => T): T[] => rows.map(pick);
      await pool.query({
        name: 'append-decisions',
        text: insertDecisions,
        values: [
          column((row) => row.settings.botId),
          column((row) => row.closeMs),
          column((row) => row.close),
          column((row) => row.settings.version),
          column((row) => row.positionOpen),
          column((row) => row.outcome),
          column((row) => row.rule),
          column((row) => row.signal.action),
          column((row) => row.signal.reason),
          column((row) => row.reason),
          column((row) => `{${row.values.join(',')}}`),
        ],
      });
    },
    async prune(beforeMs, most) {
      const { rowCount } = await pool.query(pruneDecisions, [beforeMs, most]);
      const deleted = rowCount ?? 0;
      if (deleted < most) await pool.query(pruneSettings);
      return deleted;
    },
    page: ({ botId, fromMs, toMs, limit }) =>
      read('and d.close_ms between $2 and $3 order by d.close_ms desc limit $4', [botId, fromMs, toMs, limit]),
    async next(botId, afterMs) {
      const [row] = await read('and d.close_ms > $2 order by d.close_ms limit 1', [botId, afterMs]);
      return row ?? null;
    },
  };
}

function decisionRow(row: DecisionRecord): DecisionRow {
  return {
    closeMs: Number(row.close_ms),
    close: row.close,
    settings: {
      botId: row.bot_config_id,
      version: row.version,
      strategy: row.strategy,
      timeframe: row.timeframe,
      parameters: row.parameters,
      indicators: row.indicators,
    },
    values: row.indicator_values,
    signal: { action: row.signal, reason: row.signal_reason },
    outcome: row.outcome,
    rule: row.rule,
    reason: row.reason,
    positionOpen: row.position_open,
  };
}
